"""What `import skills` offers. Importing this registers `skills/SkillEnv-v0` with Gymnasium."""

import gymnasium

gymnasium.register(
    id="skills/SkillEnv-v0",
    entry_point="skills.api.environment:make",
    disable_env_checker=True,  # `check_env` is in our tests; at every start it would only cost time
)
