"""The motifs of the bench, and an example of each way to make new systems of them."""

from warpline.core import result_files
from warpline.figures import attractor_panels, plotting

SHOWN = 25
NOISY = 2
TITLES = {"line_curve_line_curve": "line-curve-\nline-curve"}


def title(name):
    """Return a system's name as it stands above its picture."""
    text = TITLES.get(name, name.replace(">", " then\n").replace(" e=", " with\nnoise e = "))
    return text.replace(" +", "\nmixed with ").replace("_", " ")


def make(arguments, settings):
    import matplotlib.pyplot as plt

    data = result_files.read_dataset(arguments.systems[0])
    shown = data.isel(system=data["kind"].isin(["motif", "example"]).values)
    look = plotting.colours(["motif", "example"], settings["style"])
    columns = -(-shown.sizes["system"] // 2)
    figure, axes = plt.subplots(
        2,
        columns,
        subplot_kw={"projection": "3d"},
        figsize=(1.9 * columns, 4.3),
        # Constrained layout does not take panels in space.
        layout="none",
        gridspec_kw={**attractor_panels.MARGINS, "hspace": 0.08},
    )
    for panel in axes.flat[shown.sizes["system"] :]:
        panel.remove()
    for panel, k in zip(axes.flat, range(shown.sizes["system"]), strict=False):
        system = shown.isel(system=k)
        states = system["states"].transpose("trial", "time", "unit").values
        kind, name = str(system["kind"].values), str(system["system"].values)
        # Noisy paths fill the space: a few are enough.
        attractor_panels.draw_trajectories(
            panel, states[: NOISY if " e=" in name else SHOWN], look[kind][0]
        )
        panel.set_title(title(name), pad=0)
    return figure


if __name__ == "__main__":
    plotting.draw(__doc__, ["systems"], make)
