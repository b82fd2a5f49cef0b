"""Contextual integration: the manifolds of states with their fixed points, and geodesic gridlines."""

import numpy as np

from warpline.figures import geometry_panels, plotting


def manifold(axes, network, context, shades):
    """Draw the sheet of states at some moments, and the plane of attractors."""
    here = network.sel(context=context)
    sheets = here["sheet"].transpose("sheet_moment", "mesh", "mesh_b", "axis").values
    for points, shade in zip(sheets, shades, strict=True):
        geometry_panels.surface_mesh(axes, points, shade)
    plane = here["fixed"].values.reshape(-1, 3)
    axes.scatter(*plane.T, color="black", s=3, depthshade=False)
    shares = network["variance"].values
    geometry_panels.strip_3d_axes(
        axes, [f"PC {k + 1} ({share:.0%})" for k, share in enumerate(shares)]
    )


def gridlines(axes, network, context, moment, colours):
    """Draw geodesics at equal distances, in coordinates of the inputs."""
    here = network.sel(context=context, moment=moment)
    for way, name in enumerate(("relevant", "irrelevant")):
        for line in here["gridline"].values[way]:
            axes.plot(line[:, 0], line[:, 1], color=colours[name], lw=0.9)
    side = network["relevant"].values
    axes.set_xlim(side[0], side[-1])
    axes.set_ylim(side[0], side[-1])
    axes.set_aspect("equal")
    axes.set_xlabel("relevant input")


def make(arguments, settings):
    import matplotlib.pyplot as plt

    arrays = geometry_panels.load_networks(arguments.arrays)
    network = geometry_panels.first_network(arrays)
    colours = geometry_panels.tangent_colours(settings["style"])
    times = network["sheet_moment"].values
    scale = plt.Normalize(times.min(), times.max())
    shades = plt.get_cmap(settings["style"]["colormap"])(scale(times) * 0.9)
    early, late = arrays["time"].values[network["moment_step"].values]

    figure = geometry_panels.manual_layout_figure(figsize=(8.0, 6.4))
    above = figure.add_gridspec(
        1, 3, left=0.0, right=0.92, top=0.93, bottom=0.42, width_ratios=[1, 1, 0.03], wspace=0.12
    )
    below = figure.add_gridspec(1, 4, left=0.08, right=0.98, top=0.33, bottom=0.08, wspace=0.25)
    for k, context in enumerate(network["context"].values):
        panel = figure.add_subplot(above[k], projection="3d")
        manifold(panel, network, context, shades)
        panel.set_box_aspect(None, zoom=1.15)
        geometry_panels.panel_label(panel, "ab"[k], f"input {context} relevant")
    figure.colorbar(
        plt.cm.ScalarMappable(scale, plt.get_cmap(settings["style"]["colormap"])),
        cax=figure.add_subplot(above[2]), label="time (ms)",
    )  # fmt: skip
    letters = iter("cdef")
    for k, context in enumerate(network["context"].values):
        for j, (moment, at) in enumerate((("early", early), ("late", late))):
            panel = figure.add_subplot(below[2 * k + j])
            gridlines(panel, network, context, moment, colours)
            geometry_panels.panel_label(panel, next(letters), f"input {context}, {at:g} ms")
            if k == j == 0:
                panel.set_ylabel("irrelevant input")
            else:
                panel.set_yticklabels([])
    found = np.isfinite(arrays["fixed"].values[..., 0]).mean()
    figure.suptitle(
        f"first of n = {arrays.sizes['seed']} networks; dots: attractors, found for {found:.0%} of inputs"
        " of all networks",
        fontsize="small",
    )
    return figure


if __name__ == "__main__":
    plotting.draw(__doc__, ["arrays", "summary"], make)
