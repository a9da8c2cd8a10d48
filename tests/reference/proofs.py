"""Proofs: items of the reference that are proved by tests which say nothing of the reference themselves.

`test_coverage` sees to it that every test that is named here exists and every pattern names an item.
"""

_DAEMON = "tests/runtime/daemon"
_SERVICES = f"{_DAEMON}/services"
_VOLUMES = f"{_DAEMON}/volumes"
_HONOURED = f"{_DAEMON}/config/test_honoured.py"
_WALLS = "tests/runtime/wasm/guest/test_walls.py"
_ACCESS = f"{_DAEMON}/access/test_access.py"
_POLICIES = f"{_DAEMON}/policies/test_policies.py"
_STORE = "tests/runtime/wasm/modules/test_store.py"
_MONITOR = f"{_DAEMON}/health/test_monitor.py"
_SCALER = f"{_DAEMON}/scaling/test_scaler.py"
_DECIDING = f"{_DAEMON}/scaling/test_deciding.py"
_FABRICKSD = "tests/cli/test_fabricksd.py"
_KILLED = f"{_DAEMON}/test_killed_daemon.py"
_API = "tests/api/daemon"

_PROSE: dict[str, tuple[str, ...]] = {
    "heading Overview": (
        f"{_FABRICKSD}::test_in_the_foreground_it_serves_both_halves_until_it_is_told_to_stop",
        f"{_KILLED}::test_ten_services_end_with_the_daemon_and_come_back_with_the_next",
    ),
    "heading Architecture": (
        "tests/runtime/wasm/host/test_zygote.py::test_the_daemon_has_one_child_and_workers_are_the_zygotes",
    ),
    "heading Examples": ("tests/reference/test_programs.py::test_curl_lines_are_answered",),
    "says Overview: Continuous health monitoring *": (
        f"{_MONITOR}::test_a_replica_is_asked_as_its_service_wants_and_one_success_makes_it_healthy",
    ),
    "says Overview: Automatic restart *": (
        f"{_SERVICES}/test_restarts.py::test_the_policy_decides",
        f"{_SERVICES}/test_guests.py::test_a_worker_that_is_killed_comes_back_and_its_requests_go_elsewhere",
    ),
    "says Overview: Auto-scaling *": (
        f"{_SCALER}::test_cpu_over_the_threshold_brings_more_replicas_and_their_leaving_takes_its_time",
    ),
    "says Overview: Service coordination *": (
        f"{_SERVICES}/test_states.py::test_a_service_waits_for_those_it_depends_on_until_they_are_healthy",
        f"{_DAEMON}/mortar/test_mortar.py::test_a_project_is_deployed_in_the_order_of_its_dependencies",
    ),
    "says Overview: Network management *": (
        f"{_API}/test_networks.py::test_a_network_from_its_making_to_its_end",
        f"{_ACCESS}::test_services_reach_each_other_over_their_networks_alone",
    ),
    "says Overview: Policy enforcement *": (f"{_POLICIES}::test_enforce_refuses_a_service_and_says_so",),
    "says Overview: State persistence *": (
        f"{_KILLED}::test_ten_services_end_with_the_daemon_and_come_back_with_the_next",
    ),
    "says Overview: Unprivileged *": (f"{_FABRICKSD}::test_a_user_without_privileges_runs_a_service",),
    "says Security Model: Runs as normal user *": (f"{_FABRICKSD}::test_a_user_without_privileges_runs_a_service",),
    "says Overview: Lightweight *": (f"{_SERVICES}/test_guests.py::test_idle_services_cost_nothing",),
    "says Overview: Plugin-ready *": (
        "tests/runtime/wasm/guests/test_every_guest_answers.py::test_an_http_guest_is_healthy_and_answers",
        f"{_STORE}::test_artifacts_of_other_tools_are_read",
    ),
    "says Service Manager: Handles restarts": (
        f"{_SERVICES}/test_restarts.py::test_restarts_are_exhausted_after_as_many_as_were_granted",
    ),
    "says Health Monitor: Executes health checks": (
        f"{_SERVICES}/test_guests.py::test_a_health_check_by_command_and_over_http_finds_the_guest_well",
    ),
    "says Health Monitor: Triggers restart on failure": (
        f"{_SERVICES}/test_guests.py::test_a_guest_that_is_not_well_is_restarted",
    ),
    "says Auto-Scaler: Monitors resource usage": (f"{_SCALER}::test_requests_that_wait_bring_more_replicas",),
    "says Auto-Scaler: Scales services up/down": (
        f"{_SCALER}::test_cpu_over_the_threshold_brings_more_replicas_and_their_leaving_takes_its_time",
    ),
    "says Auto-Scaler: Respects min/max replicas": (
        f"{_DECIDING}::test_the_count_stays_within_its_bounds_and_changes_no_faster_than_it_may",
    ),
    # Guests have no sockets at all: what a namespace would keep apart, the daemon carries.
    "says Network Manager: Creates network namespaces": (
        f"{_API}/test_networks.py::test_a_network_from_its_making_to_its_end",
        "tests/runtime/wasm/guests/test_hostile_guests.py::test_every_import_finds_nothing_or_does_not_start",
        f"{_HONOURED}::test_what_the_network_settings_do_is_said",
    ),
    "says Network Manager: Enforces network policies": (
        f"{_DAEMON}/traffic/test_outgoing.py::test_networks_decide_who_asks_whom",
    ),
    "says Network Manager: Manages DNS resolution": (
        f"{_DAEMON}/traffic/test_outgoing.py::test_a_service_asks_another_by_its_name",
        f"{_DAEMON}/traffic/test_outgoing.py::test_the_world_is_behind_the_guard",
    ),
    "says Volume Manager: Creates/mounts volumes": (
        f"{_SERVICES}/test_guests.py::test_a_guest_has_its_environment_its_files_and_its_volumes_and_nothing_else",
    ),
    "says Volume Manager: Manages permissions": (
        f"{_VOLUMES}/test_volumes.py::test_files_belong_to_whom_services_run_as",
    ),
    "says Security Model: Volume permissions managed": (
        f"{_VOLUMES}/test_volumes.py::test_files_belong_to_whom_services_run_as",
        f"{_VOLUMES}/test_volumes.py::test_a_volume_that_many_read_is_never_writable",
    ),
    "says Volume Manager: Handles backups": (f"{_API}/test_volumes.py::test_a_backup_is_made_listed_and_brought_back",),
    "says Policy Engine: Enforces security policies": (
        f"{_API}/test_policies.py::test_the_policy_of_the_reference_is_kept_to",
    ),
    "says Policy Engine: Validates operations": (
        f"{_SERVICES}/test_revisions.py::test_a_policy_forbids_a_service_and_its_change",
    ),
    "says Policy Engine: Audits access": (
        f"{_API}/test_policies.py::test_audit_lets_through_and_tells",
        f"{_ACCESS}::test_each_new_pair_of_an_audited_network_is_written_down_once",
    ),
    "says Event Bus: Publishes events": (
        f"{_DAEMON}/events/test_bus.py::test_a_stream_has_what_happens_after_it_began",
    ),
    "says State Store: Persists daemon state": (
        "tests/runtime/state/test_store.py::test_killed_at_any_moment_it_holds_the_old_document_or_the_new_one",
    ),
    "says State Store: Service configurations": (
        f"{_SERVICES}/test_guests.py::test_everything_comes_back_after_the_daemon_was_stopped",
    ),
    "says POST /v1/services/run-module: it loads the module *": (f"{_STORE}::test_every_spelling_finds_it",),
    "says POST /v1/services/run-module: handles multi-layer modules *": (
        f"{_STORE}::test_source_layers_lie_over_each_other_in_order",
        "tests/runtime/wasm/modules/test_building.py::test_an_interpreted_module_is_its_interpreter_and_its_source",
    ),
    "says POST /v1/services/run-module: the module's runtime layer *": (
        "tests/runtime/wasm/guests/test_every_guest_answers.py::test_python_and_javascript_keep_what_they_are_told",
        f"{_STORE}::test_source_layers_lie_over_each_other_in_order",
    ),
    "says GET /v1/services/{id}/logs: a per-service bounded ring buffer *": (
        f"{_DAEMON}/logs/test_book.py::test_ordinary_logs_are_kept_to_ten_thousand_lines",
        f"{_DAEMON}/logs/test_book.py::test_the_last_lines_are_kept_exactly",
    ),
    "says GET /v1/services/{id}/logs: all instances *": (
        f"{_DAEMON}/logs/test_book.py::test_streams_and_instances_are_joined_apart",
    ),
    "says Security Model: Services run as configured user *": (
        f"{_WALLS}::test_a_guest_runs_as_the_user_that_is_named",
    ),
    "says Security Model: Capabilities denied by default": (
        f"{_SERVICES}/test_guests.py::test_what_a_manifest_does_not_grant_is_refused_or_left_out_and_said",
        "tests/runtime/wasm/guests/test_hostile_guests.py::test_nothing_of_the_host_can_be_seen",
    ),
    "says Security Model: Network policies enforced": (
        f"{_ACCESS}::test_policies_come_after_networks_and_their_violations_are_events",
    ),
    "says Security Model: Example policy*": (
        f"{_API}/test_policies.py::test_the_policy_of_the_reference_is_kept_to",
        f"{_POLICIES}::test_the_example_of_the_reference_is_read",
    ),
    "says Security Model: API validates policies before execution": (
        f"{_API}/test_policies.py::test_the_policy_of_the_reference_is_kept_to",
    ),
}

_SETTINGS: dict[str, tuple[str, ...]] = {
    "setting runtime.default_engine": (
        f"{_HONOURED}::test_another_engine_and_another_volume_driver_are_said_not_to_be_there",
    ),
    "setting runtime.engine_flags": (f"{_HONOURED}::test_flags_that_are_not_understood_are_named_one_by_one",),
    "setting runtime.max_parallel_builds": (
        "tests/runtime/wasm/modules/test_building.py::test_only_so_many_builds_run_side_by_side",
    ),
    "setting resources.max_*_total": (
        f"{_SERVICES}/test_states.py::test_admission_adds_up_only_what_is_asked_for_explicitly",
    ),
    "setting resources.default_*_limit": (f"{_SERVICES}/test_guests.py::test_the_memory_limit_holds",),
    "setting resources.max_replicas_per_service": (
        f"{_SCALER}::test_what_the_daemon_cannot_spend_is_not_granted_to_the_scaler",
    ),
    "setting monitoring.health_check_*": (
        f"{_MONITOR}::test_the_daemons_defaults_hold_where_the_service_says_nothing_and_may_change",
    ),
    "setting scaling.evaluation_interval": (
        f"{_SCALER}::test_cpu_over_the_threshold_brings_more_replicas_and_their_leaving_takes_its_time",
    ),
    "setting scaling.scale_*_cooldown": (
        f"{_DECIDING}::test_more_come_at_once_and_again_after_the_cooldown",
        f"{_DECIDING}::test_the_count_stays_within_its_bounds_and_changes_no_faster_than_it_may",
    ),
    "setting scaling.default_cpu_threshold": (f"{_DECIDING}::test_the_measure_that_asks_for_more_decides",),
    "setting scaling.cpu_stabilization_window": (
        f"{_DECIDING}::test_fewer_come_only_when_fewer_were_enough_for_the_whole_window_and_never_below_the_most_that_was_wanted",
    ),
    "setting networking.*": (f"{_HONOURED}::test_what_the_network_settings_do_is_said",),
    "setting storage.default_volume_driver": (
        f"{_HONOURED}::test_another_engine_and_another_volume_driver_are_said_not_to_be_there",
    ),
    "setting storage.volume_encryption": (
        f"{_VOLUMES}/test_encryption.py::test_every_new_volume_is_encrypted_where_the_configuration_says_so",
        f"{_HONOURED}::test_encryption_without_a_key_is_said",
    ),
    "setting security.default_user": (
        f"{_HONOURED}::test_services_run_as_another_user_only_where_root_can_choose_one_who_exists",
    ),
    "setting security.enable_seccomp": (f"{_WALLS}::test_a_worker_says_which_walls_stand",),
    "setting security.enable_mandatory_access_control": (
        f"{_HONOURED}::test_a_profile_is_said_not_to_be_loaded_where_one_is_wanted",
    ),
    "setting security.deny_network_by_default": (f"{_ACCESS}::test_a_service_without_networks_is_internal_only",),
    "setting policy.mode": (f"{_POLICIES}::test_audit_only_says_so", f"{_POLICIES}::test_disabled_asks_nothing"),
    "setting policy.policy_dir": (f"{_POLICIES}::test_at_the_first_time_the_good_files_hold_beside_a_bad_one",),
    "setting events.retention": (
        f"{_DAEMON}/events/test_bus.py::test_memory_keeps_the_buffers_count_and_nothing_over_its_time",
    ),
    "setting events.persist_events": (
        f"{_DAEMON}/events/test_journal.py::test_history_reaches_over_restarts_and_beyond_the_buffer",
    ),
}

_ENDPOINTS: dict[str, tuple[str, ...]] = {
    "query DELETE /v1/volumes/{id}?force": (
        f"{_VOLUMES}/test_volumes.py::test_a_volume_in_use_is_removed_only_by_force",
        f"{_API}/test_volumes.py::test_a_volume_from_its_making_to_its_end",
    ),
    "request POST /v1/networks *": (
        f"{_DAEMON}/networks/test_networks.py::test_the_body_of_the_reference_is_read",
        f"{_DAEMON}/networks/test_reach.py::test_between_services",
    ),
    "request POST /v1/networks encryption": (
        f"{_ACCESS}::test_a_network_that_requires_encryption_refuses_plain_text_and_says_so",
    ),
    "request POST /v1/volumes *": (f"{_VOLUMES}/test_reading.py::test_the_references_request_is_read",),
    "request POST /v1/volumes backup*": (
        f"{_VOLUMES}/test_backups.py::test_backups_are_made_when_they_are_due_and_missed_ones_at_the_start",
        f"{_VOLUMES}/test_backups.py::test_backups_are_kept_for_their_time_and_one_is_always_left",
    ),
    "request POST /v1/volumes encrypted": (
        f"{_VOLUMES}/test_encryption.py::test_plain_files_are_there_only_while_somebody_has_the_volume",
    ),
    "request POST /v1/volumes size": (
        f"{_VOLUMES}/test_quota.py::test_writers_of_a_volume_over_its_size_are_named_once",
    ),
    "request POST /v1/mortar/deploy mortar": (
        f"{_API}/test_mortar.py::test_base64_of_every_kind_is_undone_and_plain_text_stays",
    ),
    "request POST /v1/mortar/deploy profile": (
        f"{_DAEMON}/mortar/test_reading.py::test_a_profile_is_laid_over_the_services",
    ),
    "request POST /v1/mortar/deploy build": (
        f"{_DAEMON}/mortar/test_builds.py::test_a_service_is_built_from_its_folder",
    ),
    "request POST /v1/mortar/deploy force_recreate": (
        f"{_DAEMON}/mortar/test_mortar.py::test_force_recreate_makes_all_services_anew_and_keeps_volumes",
    ),
    "request POST /v1/mortar/undeploy *": (
        f"{_DAEMON}/mortar/test_mortar.py::test_a_project_is_removed_those_that_depend_first",
        f"{_DAEMON}/mortar/test_mortar.py::test_volumes_outlive_a_project_and_are_its_own_again",
    ),
    "unit *": (
        f"{_API}/test_systemd_units.py::test_a_unit_waits_for_the_daemons_word_and_gives_it_time_to_stop",
        f"{_API}/test_systemd_units.py::test_systemd_finds_nothing_wrong",
    ),
}

PROOFS: dict[str, tuple[str, ...]] = {**_PROSE, **_SETTINGS, **_ENDPOINTS}
