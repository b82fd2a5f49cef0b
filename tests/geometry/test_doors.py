"""Geometry takes arrays and lists, refuses what is not finite, and prints results shortly."""

import inspect
import re

import numpy as np
import pytest
import torch
import xarray as xr

import warpline.geometry as geometry
from warpline.core.short_repr import ShortRepr
from warpline.geometry.derivatives.array_arguments import takes_arrays
from warpline.geometry.measurements import tangent_statistics
from warpline.geometry.measurements.topology import loop_radii


def sphere(point):
    theta, phi = point[..., 0], point[..., 1]
    return torch.stack([theta.sin() * phi.cos(), theta.sin() * phi.sin(), theta.cos()], dim=-1)


COORDINATES = [
    geometry.Coordinate("theta", 0.1, 3.0),
    geometry.Coordinate("phi", 0.0, 2 * np.pi, periodic=True),
]
KAPPA = np.array([[1.0, 0.5], [2.0, 3.0]])
TANGENTS = np.random.default_rng(0).normal(size=(6, 2, 3, 40))


@pytest.fixture(scope="module")
def immersion():
    return geometry.immersion_of(sphere, COORDINATES)


def takes_tensors(function):
    annotations = [str(p.annotation) for p in inspect.signature(function).parameters.values()]
    return any("Tensor" in annotation.split(" | ") for annotation in annotations)


PUBLIC = {
    name: getattr(geometry, name)
    for name in geometry.__all__
    if inspect.isfunction(getattr(geometry, name))
}


@pytest.mark.parametrize("name", [name for name in PUBLIC if takes_tensors(PUBLIC[name])])
def test_every_public_function_of_tensors_takes_arrays(name):
    assert PUBLIC[name].__code__.co_filename == takes_arrays.__code__.co_filename


NO_NUMBERS = {
    "text": "two",
    "digits": "2",
    "list of text": ["a"],
    "true": True,
    "mapping": {"a": "b"},
}


def is_number(parameter):
    return not {"int", "float"}.isdisjoint(re.findall(r"\w+", str(parameter.annotation)))


def stand_in(parameter):
    """Return what passes for an argument until the function uses it."""
    if is_number(parameter):
        return 3 if parameter.annotation in ("int", "float") else [3, 3]
    return np.ones((2, 2)) if "Tensor" in str(parameter.annotation) else object()


def number_parameters():
    """Name each number that a public function or method takes."""
    methods = {
        f"{owner.__name__}.{name}": getattr(owner, name)
        for owner, name in [
            (geometry.Coordinate, "values"),
            (geometry.InputManifold, "grid"),
            (geometry.InputManifold, "until"),
            (geometry.Metric, "spectrum"),
        ]
    }
    for name, function in {**PUBLIC, **methods}.items():
        for parameter in inspect.signature(function).parameters.values():
            if is_number(parameter):
                yield pytest.param(function, parameter.name, id=f"{name}, {parameter.name}")


@pytest.mark.parametrize(("function", "name"), number_parameters())
def test_every_number_of_a_public_function_is_asked_for_by_name(function, name):
    """The other arguments are not reached: numbers, arrays where a tensor is due, else nothing of use."""
    parameters = inspect.signature(function).parameters
    others = {
        other: stand_in(parameter)
        for other, parameter in parameters.items()
        if parameter.default is parameter.empty and parameter.kind is not parameter.VAR_POSITIONAL
    }
    takes_none = "None" in str(parameters[name].annotation)
    for value in [*NO_NUMBERS.values(), *([] if takes_none else [None])]:
        with pytest.raises(TypeError, match=f"expected {name} (to be|as) "):
            if parameters[name].kind is inspect.Parameter.VAR_POSITIONAL:
                function(*others.values(), value)
            else:
                function(**{**others, name: value})


@pytest.mark.parametrize("value", NO_NUMBERS.values())
def test_ends_steps_and_limits_that_are_no_numbers_are_refused(value):
    plane = (geometry.Coordinate("x", 0.0, 1.0), geometry.Coordinate("y", 0.0, 1.0))
    for refused in (
        lambda: geometry.Coordinate("x", 0.0, value),
        lambda: geometry.InputManifold(plane, lambda kappa, step: kappa, value),
        lambda: geometry.InputManifold(plane, lambda kappa, step: kappa, 3).restricted(
            {"x": value}
        ),
        lambda: geometry.Thresholds(turn=value),
    ):
        with pytest.raises((TypeError, ValueError), match="expected"):
            refused()


FORMS = {
    "array": lambda x: x,
    "list": lambda x: x.tolist(),
    "read only": lambda x: np.frombuffer(x.tobytes()).reshape(x.shape),
    "data array": lambda x: xr.DataArray(x),
    "reversed twice": lambda x: x[::-1][::-1],
    "list of rows": lambda x: [torch.tensor(row) for row in x],
}


@pytest.mark.parametrize("form", FORMS)
def test_curvature_of_the_sphere_in_every_form(form, immersion):
    curvature = geometry.gaussian_curvature(immersion, FORMS[form](KAPPA))
    np.testing.assert_allclose(curvature, 1.0, atol=1e-9)
    plane = geometry.sectional_curvature(
        immersion, FORMS[form](KAPPA), first=[[1.0, 0.0]] * 2, second=[[0.0, 1.0]] * 2
    )
    np.testing.assert_allclose(plane, 1.0, atol=1e-9)


def test_a_default_device_of_the_caller_changes_nothing(immersion):
    kappa, along = torch.as_tensor(KAPPA), torch.tensor([[1.0, 0.3]] * 2, dtype=torch.float64)

    def results():
        lines = geometry.geodesics_from(immersion, kappa, along, 0.5)
        return [geometry.gaussian_curvature(immersion, kappa), lines.kappa, lines.length]

    expected = results()
    # Tensors of this device hold nothing: a number made there would be lost.
    torch.set_default_device("meta")
    try:
        found = results()
    finally:
        torch.set_default_device(None)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0, equal_nan=True)


def test_integers_are_numbers(immersion):
    torch.testing.assert_close(
        geometry.gaussian_curvature(immersion, np.array([[1, 2]])),
        geometry.gaussian_curvature(immersion, torch.tensor([[1.0, 2.0]], dtype=torch.float64)),
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (KAPPA + 1j, "complex128"),
        (KAPPA.astype(str), "real numbers"),
        ([[1.0, 2.0], [3.0]], "array of numbers"),
        (np.ma.masked_array(KAPPA, mask=[[True, False], [False, False]]), "hidden values"),
        ([torch.tensor(KAPPA[0]), KAPPA[1]], "one tensor or array"),
    ],
)
def test_what_holds_no_real_numbers_is_refused(value, message, immersion):
    with pytest.raises(TypeError, match=message):
        geometry.gaussian_curvature(immersion, value)


STATISTICS = {
    "tangent_covariance": tangent_statistics.tangent_covariance,
    "component_statistics": tangent_statistics.component_statistics,
    "component_histogram": tangent_statistics.component_histogram,
    "statistics_table": lambda x: tangent_statistics.statistics_table(x, ["a", "b", "time"]),
}


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", STATISTICS)
def test_statistics_of_tangents_refuse_what_is_not_finite(name, bad):
    STATISTICS[name](TANGENTS)
    tangents = TANGENTS.copy()
    tangents[1, 0, 2, 3] = bad
    with pytest.raises(ValueError, match="1 values of 1440 that are NaN or infinite"):
        STATISTICS[name](tangents)


def test_loop_radii_refuse_what_is_not_finite():
    metric = np.tile(np.eye(2), (9, 1, 1))
    metric[4, 0, 0] = np.nan
    with pytest.raises(ValueError, match="at 1 of 9 points"):
        loop_radii(metric, (3, 3), 0, 2 * np.pi)
    assert np.isfinite(loop_radii(metric, (3, 3), 1, 2 * np.pi)).all()


def results():
    immersion = geometry.immersion_of(sphere, COORDINATES)
    yield tangent_statistics.component_statistics(TANGENTS)
    yield tangent_statistics.tangent_covariance(TANGENTS)
    yield geometry.geodesics_from(immersion, KAPPA[:1], [[1.0, 0.0]], 0.5)
    yield geometry.geodesics_between(immersion, KAPPA[:1], KAPPA[1:])
    yield geometry.betti_numbers(np.random.default_rng(0).normal(size=(60, 3)), max_dimension=1)


@pytest.mark.slow
def test_results_print_as_three_lines():
    for result in results():
        text = repr(result)
        assert isinstance(result, ShortRepr)
        assert len(text.splitlines()) <= 3 and "tensor(" not in text and "array(" not in text
        assert text.startswith(type(result).__name__)
