"""The daemon's rooms: what keeps services running, apart from how it is asked (api/daemon) and how guests run (wasm).

spec.py       ServiceSpec and its parts: a service as wanted; `reading` makes one from JSON or TOML
state/        what outlives the process
services/     services and replicas: states, restarts, rollouts, admission, order, statistics
health/       probes, their history, what a change leads to
scaling/      how many replicas there should be
traffic/      router, ingress at ports, service to service, egress
networks/     who may reach whom
volumes/      directories with quota, backups, encryption at rest
policies/     deny, require, warn
events/       what happened: numbered, streamed, kept
logs/         what services print
mortar/       a whole project in one file
config/       the daemon's own settings
daemon.py     all of it joined: start, recover, reload, stop
"""
