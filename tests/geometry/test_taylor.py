"""Taylor tensors against torch.func: values, first and second derivatives of each operation."""

import pytest
import torch
from torch.func import hessian, jacrev, vmap
from torch.nn import functional

from warpline.geometry import Jet, TaylorTensor
from warpline.geometry.derivatives.taylor import pairs_of, push_forward

M, UNITS = 2, 6


def random(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


MIX = random(M, UNITS, seed=1)
WEIGHT, BIAS = random(4, UNITS, seed=2), random(4, seed=3)
ROW = random(UNITS, seed=4)
KAPPA = random(5, M, seed=5)


def state(kappa):
    """A curved map (point, coordinate) to (point, unit), of torch operations."""
    return torch.sin(kappa @ MIX) + 0.3 * (kappa @ MIX) ** 2


def carried(second=True):
    """The same map at KAPPA as a Taylor tensor, by torch.func."""
    return push_forward(state, TaylorTensor.variable(KAPPA, second))


OPERATIONS = {
    "linear": lambda x: functional.linear(x, WEIGHT, BIAS),
    "linear without bias": lambda x: functional.linear(x, WEIGHT),
    "matmul": lambda x: x @ WEIGHT.T,
    "add": lambda x: x + x,
    "add a constant": lambda x: 2.0 + x + ROW,
    "add with alpha": lambda x: torch.add(x, x, alpha=0.5),
    "subtract": lambda x: x - torch.tanh(x),
    "subtract from a constant": lambda x: 1.0 - x,
    "multiply": lambda x: x * torch.tanh(x),
    "multiply by a constant": lambda x: ROW * x * 3.0,
    "divide by a constant": lambda x: x / 7.0,
    "divide": lambda x: x / (2 + x * x),
    "negate": lambda x: -x,
    "power": lambda x: x**3,
    "lerp": lambda x: torch.lerp(x, torch.tanh(x), 0.2),
    "lerp with a weight that varies": lambda x: torch.lerp(x, x * x, torch.sigmoid(x)),
    "addcmul": lambda x: torch.addcmul(x, x, torch.tanh(x), value=0.5),
    "index": lambda x: x[:, 1:4],
    "index with an ellipsis": lambda x: x[..., 2:],
    "chunk": lambda x: x.chunk(2, dim=-1)[1],
    "split": lambda x: x.split([2, 4], dim=1)[0],
    "cat": lambda x: torch.cat([x, torch.tanh(x)], dim=-1),
    "stack": lambda x: torch.stack([x[:, 0], torch.tanh(x)[:, 1]], dim=1),
    "stack with a constant": lambda x: torch.stack([x.new_full((len(x),), 2.0), x[:, 0]], dim=-1),
    "sine": lambda x: x.sin(),
    "cosine": torch.cos,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    "leaky_relu": lambda x: functional.leaky_relu(x, 0.25),
    "softplus": functional.softplus,
    "softplus with another beta": lambda x: functional.softplus(x, beta=2),
    "gelu, which has no rule": functional.gelu,
    "exp, which has no rule": lambda x: x.exp(),
}


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
def test_operations_agree_with_reverse_mode(operation):
    def of_one(point):
        return operation(state(point[None]))[0]

    result = operation(carried())
    close = {"rtol": 1e-11, "atol": 1e-12}
    torch.testing.assert_close(result.value, operation(state(KAPPA)), **close)
    torch.testing.assert_close(result.first.mT, vmap(jacrev(of_one))(KAPPA), **close)
    torch.testing.assert_close(result.second.movedim(3, 1), vmap(hessian(of_one))(KAPPA), **close)
    first_order = operation(carried(second=False))
    assert first_order.second is None and not first_order.has_second
    torch.testing.assert_close(first_order.first, result.first)


def test_a_variable_and_a_constant():
    variable = TaylorTensor.variable(KAPPA, second=True)
    assert variable.coefficients.shape == (1 + M + 3, 5, M)
    assert torch.equal(variable.value, KAPPA)
    assert torch.equal(variable.first, torch.eye(M).double().expand(5, M, M))
    assert not variable.second.any()
    constant = TaylorTensor.constant(ROW.expand(5, -1), M, second=False)
    assert torch.equal(constant.value, ROW.expand(5, -1)) and not constant.first.any()


def test_second_derivatives_are_those_of_the_pairs():
    x = carried()
    for position, (i, j) in enumerate(pairs_of(M)):
        pair = x.coefficients[1 + M + position]
        assert torch.equal(x.second[:, i, j], pair) and torch.equal(x.second[:, j, i], pair)


def test_a_jet_is_a_view_of_a_taylor_tensor():
    x = carried()
    jet = Jet.of(x)
    assert jet.value.data_ptr() == x.coefficients.data_ptr()
    assert jet.first.data_ptr() == x.coefficients[1].data_ptr()
    assert torch.equal(jet.second, x.second) and Jet.of(carried(second=False)).second is None
    torch.testing.assert_close(jet.metric, jet.first @ jet.first.mT)


def test_a_taylor_tensor_looks_like_its_value():
    x = carried()
    assert x.shape == (5, UNITS) and x.dtype == torch.float64 and len(x) == 5
    assert x.size(1) == UNITS and x.new_zeros(2).shape == (2,)


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        (lambda x: x.add_(1.0), "no in-place add_"),
        (lambda x: 1 if x else 0, "no truth value"),
        (lambda x: torch.sum(input=x), "no sum with these arguments"),
    ],
)
def test_operations_that_have_no_derivatives_are_refused(operation, message):
    with pytest.raises(TypeError, match=message):
        operation(carried())
