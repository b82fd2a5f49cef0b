"""The Lorenz systems, a row per family: trajectories from the shared initial points."""

from warpline.core import result_files
from warpline.figures import attractor_panels, figure_script, plotting

N_TRIALS = 25


def make(arguments, settings):
    import matplotlib.pyplot as plt

    data = result_files.read_dataset(arguments.systems[0])
    data = data.isel(system=(data["kind"] == "family").values)
    datasets = [data.isel(system=(data["family"] == name).values) for name in settings["families"]]
    columns = max(dataset.sizes["system"] for dataset in datasets)
    style_of_family = plotting.colours(settings["families"], settings["style"])
    figure, axes = plt.subplots(
        len(datasets),
        columns,
        squeeze=False,
        subplot_kw={"projection": "3d"},
        figsize=(1.9 * columns, 1.95 * len(datasets)),
        # Constrained layout does not support 3-D panels.
        layout="none",
        gridspec_kw=attractor_panels.MARGINS,
    )
    for panels, family, systems in zip(axes, settings["families"], datasets, strict=True):
        for panel in panels[systems.sizes["system"] :]:
            panel.remove()
        for panel, name in zip(panels, systems["system"].values, strict=False):
            states = systems["states"].sel(system=name).transpose("trial", "time", "unit").values
            attractor_panels.draw_trajectories(panel, states[:N_TRIALS], style_of_family[family][0])
            panel.set_title(str(name).replace("=", " = "), pad=-2)
        panels[0].text2D(
            -0.06,
            0.5,
            family.replace("_", " "),
            transform=panels[0].transAxes,
            rotation=90,
            va="center",
            color=style_of_family[family][0],
        )
    return figure


if __name__ == "__main__":
    figure_script.draw(__doc__, ["systems"], make)
