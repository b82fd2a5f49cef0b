"""Contextual integration: the manifolds of states with their fixed points, and geodesic gridlines."""

import numpy as np

from warpline.figures import figure_script, geometry_panels


def draw_manifold(axes, network, context, shades):
    """Draw the surface of states at several times, a shade per time, and the plane of attractors."""
    in_context = network.sel(context=context)
    surfaces = in_context["sheet"].transpose("sheet_moment", "mesh", "mesh_b", "axis").values
    for points, shade in zip(surfaces, shades, strict=True):
        geometry_panels.surface_mesh(axes, points, shade, alpha=0.8)
    attractors = in_context["fixed"].values.reshape(-1, 3)
    axes.scatter(*attractors.T, color="black", s=3, depthshade=False)
    geometry_panels.strip_3d_axes(axes, geometry_panels.component_labels(network))
    axes.set_box_aspect(None, zoom=1.05)


def draw_gridlines(axes, network, context, moment, colours):
    """Draw geodesics at equal distances, in coordinates of the inputs."""
    gridlines = network.sel(context=context, moment=moment)["gridline"].values
    for name, family in zip(("relevant", "irrelevant"), gridlines, strict=True):
        for line in family:
            axes.plot(line[:, 0], line[:, 1], color=colours[name], lw=0.9)
    inputs = network["relevant"].values
    axes.set_xlim(inputs[0], inputs[-1])
    axes.set_ylim(inputs[0], inputs[-1])
    axes.set_aspect("equal")
    axes.set_xlabel("relevant input")


def make(arguments, settings):
    import matplotlib.pyplot as plt
    from matplotlib.colors import ListedColormap

    arrays = geometry_panels.load_networks(arguments.arrays)
    network = geometry_panels.first_network(arrays)
    contexts = network["context"].values
    colours = geometry_panels.tangent_colours(settings["style"])

    # The light end of the colour map is left out, because thin lines in it cannot be seen on white.
    times = network["sheet_moment"].values
    norm = plt.Normalize(times.min(), times.max())
    whole_map = plt.get_cmap(settings["style"]["colormap"])
    colour_map = ListedColormap(whole_map(np.linspace(0, 0.82, 256)))
    shades = colour_map(norm(times))

    figure = geometry_panels.manual_layout_figure(figsize=(8.0, 6.4))
    top_row = figure.add_gridspec(
        1, 3, left=0.03, right=0.93, top=0.93, bottom=0.43, width_ratios=[1, 1, 0.03], wspace=0.08
    )
    bottom_row = figure.add_gridspec(
        1, 4, left=0.08, right=0.98, top=0.34, bottom=0.13, wspace=0.25
    )

    # a, b: the manifolds, a panel per context.
    for k, context in enumerate(contexts):
        panel = figure.add_subplot(top_row[k], projection="3d")
        draw_manifold(panel, network, context, shades)
        geometry_panels.panel_label(panel, "ab"[k], f"states, input {context} relevant")
    figure.colorbar(
        plt.cm.ScalarMappable(norm, colour_map),
        cax=figure.add_subplot(top_row[2]), label="time (ms)",
    )  # fmt: skip

    # c to f: the gridlines, early and late in each context.
    milliseconds = arrays["time"].values[network["moment_step"].values]
    letters = iter("cdef")
    for k, context in enumerate(contexts):
        for j, (moment, time) in enumerate(zip(("early", "late"), milliseconds, strict=True)):
            panel = figure.add_subplot(bottom_row[2 * k + j])
            draw_gridlines(panel, network, context, moment, colours)
            geometry_panels.panel_label(
                panel, next(letters), f"input {context} relevant,\n    {time:g} ms"
            )
            if k == j == 0:
                panel.set_ylabel("irrelevant input")
            else:
                panel.set_yticklabels([])

    names = {
        "relevant": "lines at equal distances along the relevant input",
        "irrelevant": "along the irrelevant input",
    }
    handles = [
        plt.Line2D([], [], color=colours[key], lw=1, label=text) for key, text in names.items()
    ]
    figure.legend(handles=handles, loc="lower center", ncols=2)
    found_share = np.isfinite(arrays["fixed"].values[..., 0]).mean()
    figure.suptitle(
        f"first of n = {arrays.sizes['seed']} networks; dots: attractors, found for {found_share:.0%} of"
        " inputs of all networks",
        fontsize="small",
    )
    return figure


if __name__ == "__main__":
    figure_script.draw(__doc__, ["arrays", "summary"], make)
