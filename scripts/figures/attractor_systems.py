"""The Lorenz systems of the bench, a row per family: paths from the shared initial points."""

from warpline.core import result_files
from warpline.figures import attractor_panels, plotting

SHOWN = 25


def make(arguments, settings):
    import matplotlib.pyplot as plt

    data = result_files.read_dataset(arguments.systems[0])
    data = data.isel(system=(data["kind"] == "family").values)
    rows = [data.isel(system=(data["family"] == name).values) for name in settings["families"]]
    columns = max(row.sizes["system"] for row in rows)
    look = plotting.colours(settings["families"], settings["style"])
    figure, axes = plt.subplots(
        len(rows),
        columns,
        squeeze=False,
        subplot_kw={"projection": "3d"},
        figsize=(1.9 * columns, 1.95 * len(rows)),
        # Constrained layout does not take panels in space.
        layout="none",
        gridspec_kw=attractor_panels.MARGINS,
    )
    for panels, family, row in zip(axes, settings["families"], rows, strict=True):
        for panel in panels[row.sizes["system"] :]:
            panel.remove()
        for panel, name in zip(panels, row["system"].values, strict=False):
            states = row["states"].sel(system=name).transpose("trial", "time", "unit").values
            attractor_panels.draw_trajectories(panel, states[:SHOWN], look[family][0])
            panel.set_title(str(name).replace("=", " = "), pad=-2)
        panels[0].text2D(
            -0.06,
            0.5,
            family.replace("_", " "),
            transform=panels[0].transAxes,
            rotation=90,
            va="center",
            color=look[family][0],
        )
    return figure


if __name__ == "__main__":
    plotting.draw(__doc__, ["systems"], make)
