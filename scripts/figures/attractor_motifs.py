"""The motifs, and an example of each way to compose them."""

import textwrap

from warpline.core import result_files
from warpline.figures import attractor_panels, figure_script, plotting

N_TRIALS = 25
N_NOISY_TRIALS = 2
TITLES = {"line_curve_line_curve": "line-curve-\nline-curve"}


def title(name):
    """Return the title of a system's panel."""
    if ">" in name:
        # Two lines at most: a third one would run into the panel above.
        name = textwrap.fill(name.replace("_", " ").replace(">", " then "), 16)
    text = TITLES.get(name, name.replace(" e=", " with\nnoise e = "))
    return text.replace(" +", "\nmixed with ").replace("_", " ")


def make(arguments, settings):
    import matplotlib.pyplot as plt

    data = result_files.read_dataset(arguments.systems[0])
    systems = data.isel(system=data["kind"].isin(["motif", "example"]).values)
    style_of_kind = plotting.colours(["motif", "example"], settings["style"])
    columns = -(-systems.sizes["system"] // 2)
    figure, axes = plt.subplots(
        2,
        columns,
        subplot_kw={"projection": "3d"},
        figsize=(1.9 * columns, 4.3),
        # Constrained layout does not support 3-D panels.
        layout="none",
        gridspec_kw={**attractor_panels.MARGINS, "hspace": 0.08},
    )
    for panel in axes.flat[systems.sizes["system"] :]:
        panel.remove()
    for panel, k in zip(axes.flat, range(systems.sizes["system"]), strict=False):
        system = systems.isel(system=k)
        states = system["states"].transpose("trial", "time", "unit").values
        kind, name = str(system["kind"].values), str(system["system"].values)
        # Noisy paths fill the panel: a few are enough.
        n_trials = N_NOISY_TRIALS if " e=" in name else N_TRIALS
        attractor_panels.draw_trajectories(panel, states[:n_trials], style_of_kind[kind][0])
        panel.set_title(title(name), pad=0)
    return figure


if __name__ == "__main__":
    figure_script.draw(__doc__, ["systems"], make)
