"""What the model is made of is named, and it is left as it was."""

from __future__ import annotations

import copy
import warnings
from collections import namedtuple

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations, prune, weight_norm

import snnc
from snnc.compiler.frontend.capture import Captured, capture, compare, has_importer, replay
from snnc.errors import BAD_SHAPE, SnncError
from tests.support.networks.capturing import Function, drawn, held, refused, targets

SHAPE = (4, 3)


def _line_of(captured: Captured, operator: str) -> str:
    return next(n.meta["source"] for n in captured.graph.nodes if str(n.target) == operator)


# -- names ----------------------------------------------------------------------------------------


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(3, 3), nn.Linear(3, 3)
        self.b.weight = self.a.weight
        self.register_buffer("scale", torch.tensor([1.0, 2.0, 3.0]))
        self.shift = torch.arange(3.0)
        self.kept = {"one": torch.ones(3)}

    def forward(self, x):
        return self.b(self.a(x)) * self.scale + self.shift + self.kept["one"] + torch.tensor(0.5)


def test_tensors_are_named_by_what_they_are():
    captured = held(Tied(), SHAPE)
    assert set(captured.parameters) == {"a.weight", "a.bias", "b.bias"}
    assert captured.parameters["a.weight"] is captured.model.b.weight
    assert set(captured.buffers) == {"scale"}
    assert {"shift", "kept.one"} < set(captured.constants)
    assert len(captured.constants) == 3


def test_nodes_say_where_they_come_from():
    captured = held(nn.Sequential(nn.Linear(3, 3), Function(lambda x: x.tanh())), SHAPE)
    nodes = {str(node.target): node for node in captured.graph.nodes}
    assert nodes["aten.addmm.default"].meta["module"] == "0"
    assert nodes["aten.tanh.default"].meta["module"] == "1"
    assert _line_of(captured, "aten.tanh.default").split(":")[0] == __file__
    assert nodes["aten.tanh.default"].meta["shape"] == (4, 3)
    assert nodes["aten.tanh.default"].meta["dtype"] is torch.float32
    assert nodes["input_0"].meta["kind"] == "input"
    assert nodes["0.weight"].meta["kind"] == "parameter"


def test_lines_of_a_framework_are_given_where_there_are_none_of_the_user():
    from snnc.models.neurons import LIF

    captured = held(LIF(), (5, 2, 3))
    line = next(n.meta["source"] for n in captured.graph.nodes if n.op == "call_function")
    assert "models/neurons.py:" in line


def test_a_casts_is_captured_as_a_cast():
    captured = held(
        lambda x: x.to(torch.int32).float() + x.to(torch.bool).half() + x.double(), SHAPE
    )
    assert targets(captured).count("aten._to_copy.default") == 5


@pytest.mark.parametrize("batch", [1, 2])
def test_any_batch_is_captured(batch):
    held(
        nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3).eval(), nn.Flatten()).eval(),
        (batch, 2, 5, 5),
    )


# -- what forward computes ------------------------------------------------------------------------


def test_pruned_weights_are_products():
    layer = nn.Linear(3, 5)
    prune.random_unstructured(layer, "weight", 0.5)
    captured = held(layer, SHAPE)
    assert set(captured.parameters) == {"weight_orig", "bias"}
    assert set(captured.buffers) == {"weight_mask"}
    assert "aten.mul.Tensor" in targets(captured)


def test_normed_weights_are_computed():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        old = weight_norm(nn.Linear(3, 5))
    assert set(held(old, SHAPE).parameters) == {"weight_g", "weight_v", "bias"}
    new = held(parametrizations.weight_norm(nn.Linear(3, 5)), SHAPE)
    assert "parametrizations.weight.original0" in new.parameters
    held(parametrizations.spectral_norm(nn.Linear(3, 5)).eval(), SHAPE)
    held(parametrizations.orthogonal(nn.Linear(3, 3)), SHAPE)


def test_hooks_are_captured():
    net = nn.Sequential(nn.Linear(3, 3), nn.ReLU())
    net[0].register_forward_hook(lambda module, args, out: 3 - out)
    net[1].register_forward_pre_hook(lambda module, args: (args[0] * 2,))
    captured = held(net, SHAPE)
    assert {"aten.rsub.Scalar", "aten.mul.Tensor"} < set(targets(captured))


class Spike(torch.autograd.Function):
    @staticmethod
    def forward(ctx, u):
        ctx.save_for_backward(u)
        return (u > 0.5).to(u.dtype)

    @staticmethod
    def backward(ctx, grad):
        return grad


class Same(torch.autograd.Function):
    @staticmethod
    def forward(ctx, u):
        ctx.mark_dirty(u)
        return u.add_(1)

    @staticmethod
    def backward(ctx, grad):
        return grad


@torch.jit.script
def scripted(x, beta: float):
    y = x * beta
    if x.dim() > 1:
        y = y + torch.sigmoid(x)
    return y


def test_code_that_pytorch_runs_itself_is_captured():
    held(lambda x: Spike.apply(x) + Same.apply(x * 2), SHAPE)
    held(lambda x: scripted(x, 0.5), SHAPE)
    held(torch.jit.script(nn.Sequential(nn.Linear(3, 3), nn.ReLU())), SHAPE)
    held(nn.LSTM(3, 5, batch_first=True), (2, 4, 3))
    held(lambda x: torch.func.vmap(lambda row: row * row.sum())(x), SHAPE)
    held(lambda x: copy.deepcopy(x * 2) + copy.deepcopy([x])[0], SHAPE)
    message = refused(torch.jit.script(_decides), SHAPE)
    assert "asks for the value" in message


class Deciding(nn.Module):
    def forward(self, x):
        if bool(x.sum() > 0):
            return x
        return -x


_decides = Deciding()


def test_compiled_modules_are_read_as_they_were_written():
    captured = held(torch.compile(nn.Linear(3, 3)), SHAPE)
    assert "_orig_mod.weight" in captured.parameters
    held(lambda x: torch.compile(lambda y: y * 2 + 1)(x), SHAPE)


def test_parts_in_other_types_are_captured():
    held(lambda x: F.linear(x.double(), torch.ones(2, 3, dtype=torch.float64)).float(), SHAPE)
    held(nn.Sequential(Function(lambda x: x.half()), nn.Linear(3, 2).half()), SHAPE)


def test_grad_modes_are_fine():
    def modes(x):
        with torch.no_grad():
            y = x * 2
        with torch.enable_grad():
            y = y + 1
        with torch.inference_mode():
            z = y @ torch.ones(3, 3)
        return z * 3

    held(modes, SHAPE)


# -- inputs and outputs ---------------------------------------------------------------------------

Pair = namedtuple("Pair", "left right")


def test_the_graph_is_a_module_of_torch_fx():
    net = nn.Sequential(nn.Linear(3, 3), nn.ReLU(inplace=True)).eval()
    captured, x = held(net, SHAPE), drawn(4, 3, seed=8)
    module = captured.module()
    assert "torch.ops.aten.relu" in module.code
    assert torch.equal(module(x)[0], net(x))


def test_structures_of_inputs_and_outputs_are_kept():
    class Net(nn.Module):
        def forward(self, given, flag, pair):
            y = given["a"] + pair[0] * pair[1]
            return {"scores": y, "pair": Pair(y * 2, [given["a"], 3, None]), "flag": flag}

    net, inputs = Net(), ({"a": drawn(2, 3)}, True, (drawn(2, 3), drawn(3)))
    captured = capture(net, inputs)
    assert [i.name for i in captured.inputs] == ["[0]['a']", "[2][0]", "[2][1]"]
    result = replay(captured, inputs)
    assert isinstance(result["pair"], Pair)
    assert result["flag"] is True
    assert result["pair"].right[1:] == [3, None]
    names = [output.name for output in captured.outputs]
    assert names[0] == "['scores']"
    other = ({"a": drawn(2, 3, seed=5)}, True, (drawn(2, 3, seed=6), drawn(3, seed=7)))
    found = compare(net, captured, other)
    assert found.holds
    assert found.compared == 18
    with pytest.raises(SnncError, match="built differently") as error:
        replay(captured, ({"a": drawn(2, 3)}, False, (drawn(2, 3), drawn(3))))
    assert error.value.code is BAD_SHAPE
    with pytest.raises(SnncError, match="captured with"):
        replay(captured, ({"a": drawn(2, 4)}, True, (drawn(2, 3), drawn(3))))


def test_images_come_out():
    captured = held(
        nn.Sequential(nn.ConvTranspose2d(2, 3, 2, 2), nn.Upsample(scale_factor=2)), (2, 2, 4, 4)
    )
    assert captured.outputs[0].node.meta["shape"] == (2, 3, 16, 16)


def test_an_input_may_lie_in_any_order():
    net = nn.Conv2d(2, 3, 3)
    x = drawn(2, 2, 6, 6).to(memory_format=torch.channels_last)
    captured = capture(net, x)
    assert compare(net, captured, drawn(2, 2, 6, 6, seed=3)).holds
    assert compare(net, captured, drawn(1, 2, 6, 6).expand(2, 2, 6, 6)).holds


# -- leaves ---------------------------------------------------------------------------------------


class Kept(nn.Module):
    def __init__(self):
        super().__init__()
        self.v = None

    def reset(self):
        self.v = None

    def forward(self, x, scale=1.0):
        self.v = x * scale if self.v is None else self.v + x
        return self.v, {"twice": self.v * 2}


@snnc.importer(Kept)
def _kept(importing, module, path, inputs):
    return inputs[0]


class HasKept(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.kept = nn.Linear(3, 3), Kept()

    def forward(self, x):
        once, _ = self.kept(self.first(x), scale=2.0)
        again, more = self.kept(once)
        return again + more["twice"]


def test_leaves_stay_whole():
    net = HasKept()
    captured = held(net, SHAPE, leaves=has_importer)
    called = [node for node in captured.graph.nodes if node.op == "call_module"]
    assert [node.target for node in called] == ["kept", "kept"]
    assert called[0].kwargs == {"scale": 2.0}
    assert net.kept.v is None
    assert not has_importer(net.first)
    assert not [n for n in held(net, SHAPE).graph.nodes if n.op == "call_module"]
    by_class = held(net, SHAPE, leaves=[Kept])
    assert len([n for n in by_class.graph.nodes if n.op == "call_module"]) == 2


def test_a_leaf_that_writes_into_its_input_is_refused():
    net = nn.Sequential(nn.ReLU(), nn.ReLU(inplace=True))
    assert "writes into its input" in refused(net, SHAPE, leaves=lambda m: m is net[1])


# -- left as it was -------------------------------------------------------------------------------


class Busy(nn.Module):
    """Changes everything that a module can hold."""

    def __init__(self, fail: bool = False):
        super().__init__()
        self.fc, self.bn = nn.Linear(3, 3), nn.BatchNorm1d(3)
        self.register_buffer("count", torch.zeros(3))
        self.seen: list[object] = [1]
        self.table = {"a": torch.ones(3)}
        self.calls, self.fail = 0, fail
        self.holder = Holder()

    def forward(self, x):
        self.bn.train()
        y = self.bn(self.fc(x))
        self.count += 1
        self.fc.weight.detach().mul_(2)
        self.seen.append(y)
        self.table["a"].add_(1)
        self.table["b"] = y
        self.calls += 1
        self.extra = y
        self.holder.held.append(y)
        self.holder.level = y
        self.register_buffer("new", y)
        if self.fail:
            raise ValueError("as asked")
        return y + self.count + self.table["a"]


class Holder:
    def __init__(self):
        self.held, self.level = [], 0.0


def _everything(net: Busy) -> tuple:
    numbers = {name: value.clone() for name, value in net.state_dict().items()}
    modes = [module.training for module in net.modules()]
    kept = (list(net.seen), net.table.keys(), net.table["a"].tolist(), net.calls, vars(net.holder))
    return numbers, modes, set(vars(net)), copy.deepcopy((*kept[:1], list(kept[1]), *kept[2:]))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("fail", [True, False])
def test_the_model_is_left_as_it_was(training, fail):
    net = Busy(fail).train(training)
    net(drawn(4, 3)).sum().backward() if not fail else None
    net = copy.deepcopy(net) if fail else net
    for attribute in ("extra",):
        vars(net).pop(attribute, None)
    net._buffers.pop("new", None)
    net.seen, net.table, net.holder = [1], {"a": torch.ones(3)}, Holder()
    before = _everything(net)
    grads = [None if p.grad is None else p.grad.clone() for p in net.parameters()]
    if fail:
        with pytest.raises(SnncError, match="as asked"):
            capture(net, drawn(4, 3))
    else:
        captured = capture(net, drawn(4, 3))
        assert compare(net, captured, drawn(4, 3, seed=4)).holds
    after = _everything(net)
    assert all(torch.equal(value, after[0][name]) for name, value in before[0].items())
    assert before[1:] == after[1:]
    for p, grad in zip(net.parameters(), grads, strict=True):
        assert (p.grad is None) == (grad is None)
        assert grad is None or torch.equal(p.grad, grad)
    assert nn.Module.__call__.__name__ == "_wrapped_call_impl"


def test_a_model_in_training_runs_in_eval_mode_and_parts_keep_theirs():
    net = nn.Sequential(nn.Dropout(0.5), nn.BatchNorm1d(3))
    held(net.train(), SHAPE)
    assert net.training
    net.eval()
    net[1].train()
    assert "aten._native_batch_norm_legit_functional.default" in targets(held(net, SHAPE))
