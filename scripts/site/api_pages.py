"""The pages of the site on the Python interface: which public names stand where."""

from dataclasses import dataclass

import warpline
from warpline import geometry

__all__ = ["api_pages"]


@dataclass(frozen=True)
class ApiPage:
    """A page: its title, what it is for, and the public names of some modules.

    Attributes
    ----------
    title, purpose : str
    modules : mapping of str to sequence of str
        Names that are shown, by module below `warpline`; none of them means all public ones.
    """

    title: str
    purpose: str
    modules: dict[str, tuple[str, ...]]

    def markdown(self) -> str:
        """Return the page, with an instruction for mkdocstrings per module."""
        parts = [f"# {self.title}", "", self.purpose, ""]
        for module, names in self.modules.items():
            parts += [f"## `warpline.{module}`", "", f"::: warpline.{module}"]
            parts += ["    options:", "      heading_level: 3"]
            if names:
                parts += ["      members:", *(f"        - {name}" for name in names)]
            parts.append("")
        return "\n".join(parts)


def _geometry(package: str, title: str, purpose: str) -> ApiPage:
    """Return a page of the public names of `warpline.geometry` in one of its packages."""
    names = {
        f"geometry.{module}": names
        for module, names in geometry._NAMES_OF.items()
        if module.startswith(f"{package}.")
    }
    return ApiPage(title, f"{purpose} All names are imported from `warpline.geometry`.", names)


_OF_MODULES: dict[str, dict[str, tuple[str, ...]]] = {
    "notebook": {"notebook": ("choose_dsa",), "system_sets": (), "runs": ()},
    "similarity": {
        "similarity.recordings": (),
        "similarity.cka": (),
        "similarity.cka_debiased": (),
        "similarity.procrustes": (),
        "similarity.shape_gaussian": (),
        "similarity.shape_energy": (),
        "similarity.dsa.measure": (),
        "similarity.dsa.selection": (),
        "similarity.dsa.rank_selection": (),
        "similarity.dsa.operators": (),
        "similarity.dsa.alignment": (),
        "similarity.dsa.search": ("AlignmentSettings",),
        "similarity.dsa.halving": ("Rung",),
        "similarity.dsa_input.driven_measure": (),
        "similarity.dsa_input.driven_operators": (),
    },
    "models": {
        "models.base": (),
        "models.leaky_rnn": (),
        "models.leaky_gru": (),
        "models.current_rnn": (),
        "models.low_rank_rnn": (),
        "models.ei_rnn": (),
        "models.rnn": (),
        "models.gru": (),
        "models.lstm": (),
        "models.gru_cell": (),
        "models.lstm_cell": (),
        "models.mamba": (),
        "models.static_mlp": (),
        "models.checkpoints": (),
    },
    "tasks": {
        "tasks.base": (),
        "tasks.vector": (),
        "tasks.trials": (),
        "tasks.perceptual_decision": (),
        "tasks.go_nogo": (),
        "tasks.context_integration": (),
        "tasks.sequence_memory": (),
        "tasks.circle_sign": (),
        "tasks.decision_line": (),
    },
    "comparison": {
        "comparison.groups": (),
        "comparison.sets": (),
        "comparison.statistics": (),
        "comparison.jackknife": (),
        "comparison.hypothesis_tests": (),
        "comparison.separation": (),
        "comparison.hidden_states": (),
    },
    "datasets": {
        "datasets.file_formats": (),
        "datasets.sessions": (),
        "datasets.spike_trains": (),
        "datasets.sources": (),
    },
    "experiments": {
        "analyses.trained_network": (),
        "analyses.summary": (),
        "analyses.static": (),
        "analyses.decision": (),
        "analyses.context": (),
        "analyses.memory": (),
        "analyses.learning": (),
    },
}
_TITLES = {
    "notebook": ("Notebook", "What `import warpline` offers: "),
    "similarity": ("Similarity", "Measures of dissimilarity between systems."),
    "models": ("Models", "Recurrent models, and the interface that a model of your own keeps to."),
    "tasks": ("Tasks", "Task sets, and the base classes of a task set of your own."),
    "comparison": ("Comparison", "Groups of systems, pairs and statistics of dissimilarities."),
    "datasets": ("Datasets", "Recordings from files."),
    "experiments": (
        "Experiments",
        "Analyses of trained networks, and what an experiment of your own is given.",
    ),
}


def api_pages() -> dict[str, str]:
    """Return the Markdown of each page by its name."""
    pages = {
        f"api/{name}.md": ApiPage(
            title,
            purpose
            + (", ".join(f"`{n}`" for n in warpline.__all__) + "." if name == "notebook" else ""),
            _OF_MODULES[name],
        )
        for name, (title, purpose) in _TITLES.items()
    }
    pages["api/geometry_derivatives.md"] = _geometry(
        "derivatives", "Geometry: derivatives", "Inputs, dynamics, and derivatives of the states."
    )
    pages["api/geometry_riemannian.md"] = _geometry(
        "riemannian", "Geometry: Riemannian", "Metric, geodesics, distances and curvature."
    )
    pages["api/geometry_measurements.md"] = _geometry(
        "measurements", "Geometry: measurements", "Fixed points, readout, topology, alignment."
    )
    return {name: page.markdown() for name, page in pages.items()}
