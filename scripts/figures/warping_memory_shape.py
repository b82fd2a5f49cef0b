"""Two angles in memory: the torus of states, its singular values, its curvature, the grid at arc length."""

import numpy as np

from warpline.figures import figure_script, geometry_panels, plotting

RADII = (1.5, 0.6)
"""Of the ring on which curvature is painted."""
TURN = 120


def closed(values):
    """Return values over two periodic axes with the first row and column repeated at the end."""
    return np.concatenate([v := np.concatenate([values, values[:1]]), v[:, :1]], axis=1)


def draw_torus(axes, points):
    """Draw the grid of states on three principal axes."""
    geometry_panels.surface_mesh(axes, closed(points), "black", 0.45)
    axes.set_axis_off()
    axes.set_aspect("equal")
    axes.set_box_aspect(None, zoom=1.5)


def draw_singular_values(axes, network, times, colours):
    """Draw the singular values of the centred states at each moment."""
    values = network["torus_singular_value"].transpose("shape_step", "rank_of_value").values
    for time, of_moment, colour in zip(times, values, colours, strict=True):
        shown = of_moment[of_moment > 1e-6 * of_moment[0]]
        axes.plot(
            np.arange(len(shown)) + 1, shown, "o-", color=colour, ms=3, label=f"{time:.0f} ms"
        )
    axes.set_yscale("log")
    axes.set_xlabel("rank")
    plotting.label_log_axis(axes)
    axes.set_ylabel("singular value (state)")
    axes.legend(fontsize="x-small", ncols=2)


def draw_curvature(axes, curvature):
    """Paint curvature on a ring; return the largest absolute value of the colours."""
    from matplotlib import colormaps

    values = closed(curvature)
    limit = float(np.nanquantile(np.abs(curvature), 0.9)) or 1.0
    around, tube = np.meshgrid(
        *[np.linspace(-np.pi, np.pi, n) for n in values.shape], indexing="ij"
    )
    distance = RADII[0] + RADII[1] * np.cos(tube)
    position = (
        distance * np.cos(around), distance * np.sin(around), RADII[1] * np.sin(tube)
    )  # fmt: skip
    face_colours = colormaps["coolwarm"](0.5 + 0.5 * np.clip(values / limit, -1, 1))
    axes.plot_surface(*position, facecolors=face_colours, rstride=1, cstride=1, shade=False)
    axes.set_axis_off()
    axes.set_box_aspect((1, 1, 0.45), zoom=1.5)
    axes.view_init(elev=50, azim=TURN)
    return limit


def draw_patch(axes, network):
    """Draw the states around the point of largest curvature on their own principal axes."""
    points = network["patch"].transpose("patch_point", "patch_point_b", "axis").values
    geometry_panels.surface_mesh(axes, points, "black", 0.7)
    geometry_panels.strip_3d_axes(axes)
    axes.set_box_aspect((1, 1, 1))


def draw_mesh(axes, mesh):
    """Draw the grid of both angles at arc length: lines spread where the states are stretched."""
    for lines in (mesh, mesh.swapaxes(0, 1)):
        for line in lines:
            axes.plot(*line.T, color="black", lw=0.5)
    axes.set_aspect("equal")
    axes.set_xlabel("arc length, item 1 (state)")
    axes.set_ylabel("arc length, item 2 (state)")


def make(arguments, settings):
    import matplotlib.pyplot as plt

    arrays = geometry_panels.load_networks(arguments.arrays)
    network = geometry_panels.first_network(arrays)
    times = network["time"].values[network["shape_step_index"].values.astype(int)]
    toruses = network["torus"].transpose("shape_step", "angle_1", "angle_2", "axis").values
    moments = list(network["moment"].values)

    figure = geometry_panels.manual_layout_figure(figsize=(9.4, 7.4))
    grid = figure.add_gridspec(
        3, 6, left=0.07, right=0.96, bottom=0.07, top=0.92, hspace=0.4, wspace=0.55
    )
    for k, (time, points) in enumerate(zip(times, toruses, strict=True)):
        panel = figure.add_subplot(grid[0, k], projection="3d")
        draw_torus(panel, points)
        panel.set_title(f"{'a  ' if k == 0 else ''}{time:.0f} ms", loc="left")
    panel = figure.add_subplot(grid[1, :2])
    colours = plt.colormaps["viridis"](np.linspace(0, 0.85, len(times)))
    draw_singular_values(panel, network, times, colours)
    geometry_panels.panel_label(panel, "b", "singular values")

    curvature = network["curvature"].transpose("moment", "angle_1", "angle_2")
    panel = figure.add_subplot(grid[1, 2:4], projection="3d")
    limit = draw_curvature(panel, curvature.values[moments.index("item_2")])
    panel.set_title(f"c  Gaussian curvature, ±{limit:.2g} / state²", loc="left")
    panel = figure.add_subplot(grid[1, 4:], projection="3d")
    draw_patch(panel, network)
    centre = np.degrees(network["patch_centre"].values)
    extreme = network["patch_curvature"].values
    largest = extreme.flat[np.abs(extreme).argmax()]
    panel.set_title(
        f"d  curvature up to {largest:.2g} / state²\n    around ({centre[0]:.0f}°, {centre[1]:.0f}°)",
        loc="left",
    )

    meshes = network["mesh"].transpose("moment", "angle_1", "angle_2", "item").values
    for k, (moment, title) in enumerate(
        (("delay", "end of the delay"), ("report_1", "report 1"), ("report_2", "report 2"))
    ):
        panel = figure.add_subplot(grid[2, 2 * k : 2 * k + 2])
        draw_mesh(panel, meshes[moments.index(moment)])
        geometry_panels.panel_label(panel, "efg"[k], title)
    figure.suptitle(
        f"the first of n = {arrays.sizes['seed']} networks; c, d: when both items have been shown",
        fontsize="small",
    )
    return figure


if __name__ == "__main__":
    figure_script.draw(__doc__, ["arrays", "summary"], make)
