"""Training and evaluation: Lightning module, loaders, losses, schedules, fit."""
