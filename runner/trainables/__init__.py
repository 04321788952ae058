"""What is trained, as interfaces: data, tasks, and the registries of models, datasets, optimizers."""
