"""What the metric measures, on one network's data: inputs, states, tangent vectors and metric at a point."""

import numpy as np

from warpline.figures import figure_script, geometry_panels, plotting


def choose_point(direction):
    """Return the input and the time step at which the two tangent vectors show best.

    Both should be long, compared with their medians, and far from parallel.

    Parameters
    ----------
    direction : ndarray, shape (kappa, time, tangent, 3)
        Tangent vectors on the first principal components.
    """
    length = np.linalg.norm(direction, axis=-1).clip(1e-12)
    # The fifth of the inputs at either edge is left out, because an arrow there leaves the surface. The
    # medians leave out the initial state, which is the same for all inputs.
    margin = len(direction) // 5
    inner = slice(margin, -len(direction) // 5)
    typical_length = np.median(length[inner, 1:], axis=(0, 1))
    cosine = np.abs((direction[..., 0, :] * direction[..., 1, :]).sum(-1)) / length.prod(axis=-1)
    score = np.minimum((length / typical_length).min(axis=-1), 1) * (1 - cosine)
    kappa_index, time_index = np.unravel_index(score[inner].argmax(), score[inner].shape)
    return kappa_index + margin, time_index


def draw_input_manifold(axes, kappa, kappa_index, colour):
    """Draw the line of inputs, with an arrow at the point."""
    point = kappa[kappa_index]
    axes.plot(kappa, np.zeros_like(kappa), color="0.4", lw=1.5)
    axes.plot(point, 0, "o", color="black", ms=5)
    axes.annotate(
        "",
        (point + 0.25 * np.ptp(kappa), 0),
        (point, 0),
        arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 2},
    )
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("input κ")


def draw_surface(axes, position):
    """Draw the surface of states, shape (kappa, time, 3), with lines of one input and of one time."""
    axes.plot_surface(
        *position.transpose(2, 0, 1),
        color="0.88",
        alpha=0.5,
        lw=0,
        zorder=1,
        rstride=1,
        cstride=1,
        shade=False,
    )
    n_inputs, n_times = position.shape[:2]
    for i in np.linspace(0, n_inputs - 1, 15).round().astype(int):
        axes.plot(*position[i].T, color="0.6", lw=0.7)
    for k in np.linspace(0, n_times - 1, 12).round().astype(int):
        axes.plot(*position[:, k].T, color="0.6", lw=0.5)


def draw_tangent_vectors(axes, position, direction, indices, colours):
    """Draw the coordinate lines through the point and its tangent vectors, all of one length."""
    kappa_index, time_index = indices
    axes.plot(*position[kappa_index].T, color="0.1", lw=1.6)
    axes.plot(*position[:, time_index].T, color="0.1", lw=1.6)
    point, vectors = position[indices], direction[indices]
    extent = np.ptp(position.reshape(-1, 3), axis=0).max()
    labels = {"input": "a = ∂x/∂κ", "time": "f = dx/dt"}
    for (name, label), vector in zip(labels.items(), vectors, strict=True):
        arrow = vector / np.linalg.norm(vector).clip(1e-12) * 0.3 * extent
        axes.quiver(*point, *arrow, color=colours[name], lw=2, arrow_length_ratio=0.2, zorder=3)
        axes.text(*(point + 1.25 * arrow), label, color=colours[name], ha="right", zorder=4)
    axes.scatter(*point, color="black", s=14, depthshade=False)


def draw_metric(axes, metric):
    """Draw the metric at the point as a matrix."""
    labels = ["κ", "t"]
    plotting.annotated_heat_map(axes, metric, (labels, labels), np.abs(metric).max())
    axes.set_xticklabels(labels, rotation=0, ha="center")


def make(arguments, settings):
    network = geometry_panels.first_network(geometry_panels.load_networks(arguments.arrays))
    colours = geometry_panels.tangent_colours(settings["style"])
    kappa, time = network["kappa"].values, network["time"].values
    position = network["position"].transpose("kappa", "time", "axis").values
    direction = network["direction"].transpose("kappa", "time", "tangent", "axis").values
    indices = kappa_index, time_index = choose_point(direction)

    figure = geometry_panels.manual_layout_figure(figsize=(7.6, 4.2))
    grid = figure.add_gridspec(
        2, 2, width_ratios=[1, 2.2], left=0.07, right=0.99, top=0.88, bottom=0.1, hspace=0.65
    )
    panel = figure.add_subplot(grid[:, 1], projection="3d")
    draw_surface(panel, position)
    draw_tangent_vectors(panel, position, direction, indices, colours)
    geometry_panels.strip_3d_axes(panel)
    # The arrows lie in the surface, which would hide them if matplotlib computed the order.
    panel.computed_zorder = False
    panel.set_box_aspect(None, zoom=1.15)
    geometry_panels.panel_label(panel, "b", "states x(t; κ)")

    panel = figure.add_subplot(grid[0, 0])
    draw_input_manifold(panel, kappa, kappa_index, colours["input"])
    geometry_panels.panel_label(panel, "a", "the manifold of inputs")

    panel = figure.add_subplot(grid[1, 0])
    draw_metric(panel, network["metric"].values[indices])
    geometry_panels.panel_label(panel, "c", "metric G at the point\n    (state² per κ², κτ and τ²)")
    title = f"one network, κ = {kappa[kappa_index]:.2g}, {time[time_index]:g} ms"
    figure.suptitle(title, fontsize="small")
    return figure


if __name__ == "__main__":
    figure_script.draw(__doc__, ["arrays", "summary"], make)
