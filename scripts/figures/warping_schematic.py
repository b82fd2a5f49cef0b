"""What is measured, from one network's data: inputs, the states above them, tangent vectors at a point."""

import numpy as np

from warpline.figures import geometry_panels, plotting


def make(arguments, settings):

    network = geometry_panels.first_network(geometry_panels.load_networks(arguments.arrays))
    colours = geometry_panels.tangent_colours(settings["style"])
    kappa, time = network["kappa"].values, network["time"].values
    position = network["position"].transpose("kappa", "time", "axis").values
    direction = network["direction"].transpose("kappa", "time", "tangent", "axis").values
    # The point, off the edges, at which the state moves with both, and in directions of their own.
    length = np.linalg.norm(direction, axis=-1).clip(1e-12)
    middle = slice(len(kappa) // 5, -len(kappa) // 5)
    typical = np.median(length[middle, 1:], axis=(0, 1))
    cosine = np.abs((direction[..., 0, :] * direction[..., 1, :]).sum(-1)) / length.prod(axis=-1)
    worth = np.minimum((length / typical).min(axis=-1), 1) * (1 - cosine)
    i, k = np.unravel_index(worth[middle].argmax(), worth[middle].shape)
    i += middle.start

    figure = geometry_panels.manual_layout_figure(figsize=(7.6, 4.2))
    grid = figure.add_gridspec(
        2, 2, width_ratios=[1, 2.2], left=0.07, right=0.99, top=0.88, bottom=0.1, hspace=0.65
    )
    panel = figure.add_subplot(grid[:, 1], projection="3d")
    panel.plot_surface(
        *position.transpose(2, 0, 1),
        color="0.88",
        alpha=0.5,
        lw=0,
        zorder=1,
        rstride=1,
        cstride=1,
        shade=False,
    )
    for line in np.linspace(0, len(kappa) - 1, 15).round().astype(int):
        panel.plot(*position[line].T, color="0.6", lw=0.7)
    for moment in np.linspace(0, len(time) - 1, 12).round().astype(int):
        panel.plot(*position[:, moment].T, color="0.6", lw=0.5)
    panel.plot(*position[i].T, color="0.1", lw=1.6)
    panel.plot(*position[:, k].T, color="0.1", lw=1.6)
    extent = np.ptp(position.reshape(-1, 3), axis=0).max()
    for j, (name, symbol) in enumerate((("input", "a = ∂x/∂κ"), ("time", "f = dx/dt"))):
        arrow = direction[i, k, j] / length[i, k, j] * 0.3 * extent
        panel.quiver(
            *position[i, k], *arrow, color=colours[name], lw=2, arrow_length_ratio=0.2,
            zorder=3,
        )  # fmt: skip
        panel.text(
            *(position[i, k] + 1.25 * arrow), symbol, color=colours[name], ha="right", zorder=4
        )
    panel.scatter(*position[i, k], color="black", s=14, depthshade=False)
    geometry_panels.strip_3d_axes(panel)
    panel.computed_zorder = False  # The arrows are part of the surface, and would be hidden by it.
    panel.set_box_aspect(None, zoom=1.15)
    geometry_panels.panel_label(panel, "b", "states x(t; κ)")

    panel = figure.add_subplot(grid[0, 0])
    panel.plot(kappa, np.zeros_like(kappa), color="0.4", lw=1.5)
    panel.plot(kappa[i], 0, "o", color="black", ms=5)
    panel.annotate(
        "", (kappa[i] + 0.25 * np.ptp(kappa), 0), (kappa[i], 0),
        arrowprops={"arrowstyle": "-|>", "color": colours["input"], "lw": 2},
    )  # fmt: skip
    panel.set_yticks([])
    panel.spines["left"].set_visible(False)
    panel.set_xlabel("input κ")
    geometry_panels.panel_label(panel, "a", "the manifold of inputs")

    panel = figure.add_subplot(grid[1, 0])
    metric = network["metric"].values[i, k]
    plotting.annotated_heat_map(panel, metric, (["κ", "t"], ["κ", "t"]), np.abs(metric).max())
    panel.set_xticklabels(["κ", "t"], rotation=0, ha="center")
    geometry_panels.panel_label(panel, "c", "metric G at the point")
    figure.suptitle(f"one network, κ = {kappa[i]:.2g}, {time[k]:g} ms", fontsize="small")
    return figure


if __name__ == "__main__":
    plotting.draw(__doc__, ["arrays", "summary"], make)
