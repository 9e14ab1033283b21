"""TorchRL's implicit Q-learning learns a skill from its rewards.   offline_rl.py runs/ant-medium 17 10000"""

import sys

import numpy as np
import torch
from tensordict import TensorDict
from tensordict.nn import NormalParamExtractor, TensorDictModule
from torchrl.modules import MLP, ProbabilisticActor, TanhNormal, ValueOperator
from torchrl.objectives import IQLLoss, SoftUpdate

import skills

folder, skill, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
episodes = list(skills.load(folder).dataset(skill))
states = [np.concatenate([one.observations[part] for one in episodes]) for part in (slice(-1), slice(1, None))]
mean, std = states[0].mean(axis=0), states[0].std(axis=0) + 1e-3
before, after = (torch.from_numpy((each - mean) / std).float() for each in states)
columns = ([getattr(one, name) for one in episodes] for name in ("actions", "rewards", "terminations"))
actions, rewards, ended = (torch.from_numpy(np.concatenate(each)).reshape(len(before), -1) for each in columns)
following = {"observation": after, "reward": rewards / rewards.std(), "terminated": ended, "done": ended}
rows = TensorDict({"observation": before, "action": actions, "next": following}, len(actions))
seen, acts = before.shape[1], actions.shape[1]
body = torch.nn.Sequential(MLP(seen, 2 * acts, num_cells=[256, 256]), NormalParamExtractor())
head = TensorDictModule(body, in_keys=["observation"], out_keys=["loc", "scale"])
actor = ProbabilisticActor(head, in_keys=["loc", "scale"], distribution_class=TanhNormal)
q = ValueOperator(MLP(seen + acts, 1, num_cells=[256, 256]), in_keys=["observation", "action"])
value = ValueOperator(MLP(seen, 1, num_cells=[256, 256]), in_keys=["observation"])
loss = IQLLoss(actor, q, value_network=value)
loss.make_value_estimator(gamma=0.99)
target, optimiser = SoftUpdate(loss, tau=0.005), torch.optim.Adam(loss.parameters(), lr=1e-3)
for _ in range(steps):
    losses = loss(rows[torch.randint(len(rows), (256,))])
    optimiser.zero_grad()
    sum(losses[name] for name in ("loss_actor", "loss_qvalue", "loss_value")).backward()
    optimiser.step()
    target.step()
values = value(rows.select("observation"))["state_value"][:, 0].detach()
best = rewards[:, 0] > rewards.quantile(0.95)
print(f"value of the skill's own states {values[best].mean():.2f}, of the others {values[~best].mean():.2f}")
