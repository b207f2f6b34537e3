"""The console command ``wsss``."""
