"""The steps of `gpu.py` as a JAX program: one compiled loop of them, draws included, with optax's Adam."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array, lax

from skills.learning.cvae.model import CvaeShape
from skills.learning.learners.iql import Iql
from skills.learning.policy import LOG_STD_RANGE, Shape
from skills.learning.rewards.clue import Clue

OBSERVATION, ACTION, ROWS = 27, 8, 200_000
STEPS = 100  # of a compiled loop
State = dict[str, Any]
Layers = list[Array]
IQL, CVAE = Iql(), Clue()


def mlp(layers: Layers, rows: Array) -> Array:
    """[K or 1, B, in] -> [K, B, out]; a layer is [K, in + 1, out], its last row the bias."""
    for index, layer in enumerate(layers):
        rows = jnp.matmul(rows, layer[:, :-1]) + layer[:, -1:]
        rows = jax.nn.relu(rows) if index < len(layers) - 1 else rows
    return rows


def fresh(key: Array, count: int, sizes: list[int]) -> Layers:
    """Matrices of `count` perceptrons."""
    keys = jax.random.split(key, len(sizes) - 1)
    return [
        jax.random.uniform(one, (count, sizes[i] + 1, sizes[i + 1]), minval=-1.0, maxval=1.0) * sizes[i] ** -0.5
        for i, one in enumerate(keys)
    ]


def cvae_loss(layers: State, rows: Array, noise: Array) -> Array:
    """As `skills.learning.cvae.model.losses`, summed over the models."""
    mean, log_std = jnp.split(mlp(layers["encoder"], rows), 2, axis=-1)
    log_std = jnp.clip(log_std, -4.0, 15.0)
    std = jnp.exp(log_std)
    seen = rows[..., :OBSERVATION]
    decoded = jnp.tanh(mlp(layers["decoder"], jnp.concatenate([seen, mean + std * noise], axis=-1)))
    squares = mean**2 + std**2
    evidence = ((decoded - rows[..., OBSERVATION:]) ** 2).mean((1, 2))
    evidence += CVAE.kl_weight * (0.5 * (squares - 1.0) - log_std).mean((1, 2))
    return (evidence + CVAE.calibration * squares[:, CVAE.batch :].sum(2).mean(1)).sum()


def cvae(count: int) -> tuple[State, Callable[[State, Array], State]]:
    """(what a step changes, the step) of all CVAEs."""
    shape, key = CvaeShape(OBSERVATION, ACTION, CVAE.hidden), jax.random.key(0)
    table = jax.random.normal(key, (ROWS, OBSERVATION + ACTION)).clip(-1, 1)
    layers = {"encoder": fresh(key, count, shape.encoder), "decoder": fresh(key, count, shape.decoder)}
    adam, own = optax.adam(CVAE.learning_rate), ROWS // count
    starts = jnp.arange(count)[:, None] * own

    def step(state: State, key: Array) -> State:
        keys = jax.random.split(key, 3)
        shared = jnp.broadcast_to(jax.random.randint(keys[0], (1, CVAE.batch), 0, ROWS), (count, CVAE.batch))
        members = starts + jax.random.randint(keys[1], (count, CVAE.batch), 0, own)
        noise = jax.random.normal(keys[2], (count, 2 * CVAE.batch, shape.latent_size))
        rows = table[jnp.concatenate([shared, members], axis=1)]
        gradient = jax.grad(cvae_loss)(state["layers"], rows, noise)
        moves, moments = adam.update(gradient, state["adam"])
        return {"layers": optax.apply_updates(state["layers"], moves), "adam": moments}

    return {"layers": layers, "adam": adam.init(layers)}, step


def iql_loss(layers: State, target: Layers, batch: tuple[Array, ...], heads: Callable[..., Array]) -> Array:
    """As `skills.learning.learners.iql`: V's, the actor's and both Qs' losses; no gradient of one reaches another."""
    states, actions, after, rewards, continues = batch
    pairs = jnp.concatenate([states, actions], axis=1)
    value = heads(layers["value"], states, 1)[0, ..., 0]
    advantage = lax.stop_gradient(heads(target, pairs, 2)[..., 0].min(0)) - value
    weight = jnp.where(advantage > 0, IQL.expectile, 1.0 - IQL.expectile)
    loss = (weight * advantage**2).mean(0).sum()
    worth = jnp.minimum(jnp.exp(IQL.inverse_temperature * lax.stop_gradient(advantage)), IQL.weight_limit)
    mean, log_std = jnp.tanh(heads(layers["policy"], states, 1)[0]), jnp.clip(layers["log_std"], *LOG_STD_RANGE)
    variance = (worth[..., None] * (mean - actions[:, None]) ** 2).mean(0)
    loss += (0.5 * variance * jnp.exp(-2.0 * log_std) + worth.mean(0)[:, None] * log_std).sum()
    future = lax.stop_gradient(heads(layers["value"], after, 1)[0, ..., 0])
    goal = rewards + IQL.discount * continues * future
    return loss + ((heads(layers["q"], pairs, 2)[..., 0] - goal) ** 2).mean(1).sum()


def iql(count: int, independent: bool = False) -> tuple[State, Callable[[State, Array], State]]:
    """(what a step changes, the step) of IQL."""
    trunks = count if independent else 1
    shape, keys = Shape(OBSERVATION, ACTION, count, IQL.hidden, trunks=trunks), jax.random.split(jax.random.key(0), 8)
    layers: State = {
        "value": fresh(keys[0], trunks, shape.layers(OBSERVATION, 1)),
        "policy": fresh(keys[1], trunks, shape.layers(OBSERVATION, ACTION)),
        "q": fresh(keys[2], 2 * trunks, shape.layers(OBSERVATION + ACTION, 1)),
        "log_std": jnp.zeros((count, ACTION)),
    }
    states, after = (jax.random.normal(key, (ROWS, OBSERVATION)) for key in keys[3:5])
    actions = jax.random.uniform(keys[5], (ROWS, ACTION), minval=-1.0, maxval=1.0)
    rewards = jax.random.uniform(keys[6], (ROWS, count)).astype(jnp.float16)
    adam = optax.adam(IQL.learning_rate)

    def heads(network: Layers, rows: Array, copies: int) -> Array:
        output = mlp(network, rows[None]).reshape(copies, trunks, len(rows), -1)
        return output.swapaxes(1, 2).reshape(copies, len(rows), count, -1)

    def step(state: State, key: Array) -> State:
        rows = jax.random.randint(key, (IQL.batch,), 0, ROWS)
        batch = states[rows], actions[rows], after[rows], rewards[rows].astype(jnp.float32), jnp.ones((IQL.batch, 1))
        gradient = jax.grad(iql_loss)(state["layers"], state["target"], batch, heads)
        moves, moments = adam.update(gradient, state["adam"])
        moved = optax.apply_updates(state["layers"], moves)
        target = [slow + IQL.polyak * (fast - slow) for slow, fast in zip(state["target"], moved["q"], strict=True)]
        return {"layers": moved, "target": target, "adam": moments}

    return {"layers": layers, "target": list(layers["q"]), "adam": adam.init(layers)}, step


CASES: dict[str, Callable[[int], tuple[State, Callable[[State, Array], State]]]] = {
    "cvae": cvae,
    "iql": iql,
    "one": lambda count: iql(1),
    "independent": partial(iql, independent=True),
}


def milliseconds(name: str, count: int, precision: str, window: float) -> float:
    """Of a step, in the fastest of some loops."""
    with jax.default_matmul_precision(precision):
        state, step = CASES[name](count)

        def steps(state: State, key: Array) -> Any:
            keys = jax.random.split(key, STEPS)
            return lax.fori_loop(0, STEPS, lambda index, now: step(now, keys[index]), state)

        loop = jax.jit(steps)
        state = jax.block_until_ready(loop(state, jax.random.key(0)))
        spent: list[float] = []
        while len(spent) < 3 or sum(spent) < 4 * window:
            start = time.perf_counter()
            state = jax.block_until_ready(loop(state, jax.random.key(len(spent))))
            spent.append(time.perf_counter() - start)
    return 1e3 * min(spent) / STEPS
