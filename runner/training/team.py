"""The processes that ``torchrun`` started, connected."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError
from .ranks import Ranks, count, local_rank, number

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer


class Team(Ranks):
    """One or several processes, connected as ``torchrun``'s environment says.

    Control goes over the processors (gloo), so that it never waits for a GPU; tensors on GPUs over NCCL.
    """

    are_connected = True

    def __init__(self) -> None:
        import torch
        from torch import distributed

        self.rank, self.count = number(), count()
        self._distributed = distributed
        if local_rank() < torch.cuda.device_count():
            torch.cuda.set_device(local_rank())
            distributed.init_process_group("cpu:gloo,cuda:nccl")
        else:
            distributed.init_process_group("gloo")
        self._sharded = False

    def agree(self, *flags: int) -> tuple[int, ...]:
        """Return each flag as the highest that any process holds."""
        import torch

        held = torch.tensor(flags, dtype=torch.int64)
        self._distributed.all_reduce(held, self._distributed.ReduceOp.MAX)
        return tuple(held.tolist())

    def mean(self, value: Tensor) -> Tensor:
        """Return the mean over all processes."""
        return self.sum(value) / self.count

    def sum(self, value: Tensor) -> Tensor:
        """Return the sum over all processes."""
        held = value.clone()
        self._distributed.all_reduce(held)
        return held

    def whole(self, value: Tensor) -> Tensor:
        """Return a sharded tensor in one piece."""
        from torch.distributed.tensor import DTensor

        return value.full_tensor() if isinstance(value, DTensor) else value

    def collect(self, state: dict[str, Any]) -> dict[str, Any]:
        """Return a ``state_dict`` with every sharded tensor in one piece, on the processor."""
        from torch.distributed.tensor import DTensor

        def whole(held: Any) -> Any:
            if isinstance(held, DTensor):
                gathered = held.full_tensor()
                return gathered.cpu() if self.rank == 0 else None
            if isinstance(held, dict):
                return {key: whole(value) for key, value in held.items()}
            return held

        return dict(whole(state))

    def load_model(self, model: nn.Module, state: dict[str, Any]) -> None:
        """Put a whole ``state_dict`` into a model that may be sharded."""
        from torch.distributed.checkpoint.state_dict import StateDictOptions, set_model_state_dict

        set_model_state_dict(model, state, options=StateDictOptions(full_state_dict=True))

    def load_optimizer(self, optimizer: Optimizer, state: dict[str, Any]) -> None:
        """Put a whole ``state_dict`` into an optimizer of parameters that may be sharded."""
        from torch.distributed.tensor import DTensor, distribute_tensor

        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        sharded = {
            number: {
                name: distribute_tensor(value, parameters[number].device_mesh, parameters[number].placements)
                if isinstance(parameters[number], DTensor) and value.shape == parameters[number].shape
                else value
                for name, value in held.items()
            }
            for number, held in state["state"].items()
        }
        optimizer.load_state_dict(state | {"state": sharded})

    def gather(self, value: Any) -> list[Any]:
        """Return what each process holds; complete on rank 0 only."""
        held: list[Any] = [None] * self.count
        self._distributed.gather_object(value, held if self.rank == 0 else None)
        return held

    def send(self, value: Any) -> Any:
        """Return what rank 0 holds."""
        held = [value]
        self._distributed.broadcast_object_list(held)
        return held[0]

    @contextmanager
    def together(self) -> Iterator[None]:
        """If one rank raises :class:`ConfigError`, raise it on every rank."""
        refused: str | None = None
        try:
            yield
        except ConfigError as error:
            refused = str(error)
        messages: list[str | None] = [None] * self.count
        self._distributed.all_gather_object(messages, refused)
        first = next((each for each in messages if each is not None), None)
        if first is not None:
            raise ConfigError(first)

    def shard(self, model: nn.Module) -> None:
        """Let each process keep a part of every parameter: called before the optimizer is made.

        The items of a module list (the blocks of a transformer) are gathered one by one when they compute,
        the rest of the model as a whole.
        """
        from torch import nn
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        kind = next(model.parameters()).device.type
        mesh = init_device_mesh(kind, (self.count,))
        for blocks in [each for each in model.modules() if isinstance(each, nn.ModuleList)]:
            for block in blocks:
                fully_shard(block, mesh=mesh)
        fully_shard(model, mesh=mesh)
        self._sharded = True

    def connect(
        self, model: nn.Module
    ) -> tuple[Callable[[Tensor], Tensor], Callable[[], AbstractContextManager[Any]]]:
        """Wrap the model so that its gradients are averaged over the processes."""
        if self._sharded:
            return model, lambda: _keep_gradients(model)
        from torch.nn.parallel import DistributedDataParallel

        wrapped = DistributedDataParallel(model)
        return wrapped, wrapped.no_sync

    def leave(self) -> None:
        """End the connection."""
        self._distributed.destroy_process_group()


@contextmanager
def _keep_gradients(model: Any) -> Iterator[None]:
    model.set_requires_gradient_sync(False)
    yield
    model.set_requires_gradient_sync(True)
