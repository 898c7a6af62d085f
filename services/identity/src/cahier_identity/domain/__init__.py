"""Identity's rules: who is a resident, who may hold a role, who stands on the census roll. Pure."""
