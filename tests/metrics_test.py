#!/usr/bin/python3
"""Goal: /metrics and INFO show what happened, under the names that dashboards for Redis read.

Method: the real process; the page is parsed by the rules of Prometheus's text format.

    metrics_test.py WEIR
"""

import os
import re
import sys
import unittest

import weir_process

WEIR = ""

# What redis_exporter's Grafana dashboard 763 and the dashboards and alerts of redis-mixin read.
DASHBOARDS = {
    "redis_up": "gauge", "redis_uptime_in_seconds": "gauge", "redis_connected_clients": "gauge",
    "redis_blocked_clients": "gauge", "redis_memory_used_bytes": "gauge",
    "redis_memory_max_bytes": "gauge", "redis_memory_used_rss_bytes": "gauge",
    "redis_memory_fragmentation_ratio": "gauge", "redis_total_system_memory_bytes": "gauge",
    "redis_commands_total": "counter", "redis_commands_duration_seconds_total": "counter",
    "redis_commands_processed_total": "counter", "redis_keyspace_hits_total": "counter",
    "redis_keyspace_misses_total": "counter", "redis_net_input_bytes_total": "counter",
    "redis_net_output_bytes_total": "counter", "redis_db_keys": "gauge",
    "redis_db_keys_expiring": "gauge", "redis_expired_keys_total": "counter",
    "redis_evicted_keys_total": "counter", "redis_connected_slaves": "gauge",
    "redis_master_last_io_seconds_ago": "gauge", "redis_instance_info": "gauge",
    "redis_rejected_connections_total": "counter",
}
# And what they read by label.
LABELS = {"redis_commands_total": {"cmd"}, "redis_commands_duration_seconds_total": {"cmd"},
          "redis_db_keys": {"db"}, "redis_db_keys_expiring": {"db"}}

# What INFO must have, by section: the fields that redis_exporter and dashboards read.
INFO = {
    "Server": "redis_version weir_version redis_build_id redis_mode os process_id run_id tcp_port "
              "uptime_in_seconds uptime_in_days",
    "Clients": "connected_clients maxclients blocked_clients client_recent_max_input_buffer "
               "client_recent_max_output_buffer",
    "Memory": "used_memory used_memory_rss used_memory_peak maxmemory maxmemory_policy "
              "mem_fragmentation_ratio total_system_memory mem_clients_normal",
    "Persistence": "loading rdb_changes_since_last_save rdb_bgsave_in_progress rdb_last_save_time "
                   "rdb_last_bgsave_status aof_enabled aof_rewrite_in_progress "
                   "aof_last_write_status",
    "Stats": "total_connections_received total_commands_processed instantaneous_ops_per_sec "
             "instantaneous_input_kbps instantaneous_output_kbps total_net_input_bytes "
             "total_net_output_bytes rejected_connections expired_keys evicted_keys keyspace_hits "
             "keyspace_misses total_error_replies client_query_buffer_limit_disconnections "
             "client_output_buffer_limit_disconnections acl_access_denied_auth "
             "acl_access_denied_cmd acl_access_denied_key acl_access_denied_channel",
    "Replication": "role connected_slaves",
    "CPU": "used_cpu_sys used_cpu_user",
    "Modules": "",
    "Commandstats": "cmdstat_get cmdstat_set cmdstat_incr",
    "Errorstats": "errorstat_ERR",
    "Latencystats": "latency_percentiles_usec_get",
    "Cluster": "cluster_enabled",
    "Keyspace": "db0",
}

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf'({NAME})(\{{((?:{NAME}="(?:[^"\\]|\\.)*",?)*)\}})? (\S+)$')


def parse(page):
    """Returns {family: type} and {(series, labels): value}; raises on anything else."""
    types, samples = {}, {}
    for line in page.splitlines():
        if line.startswith("# TYPE "):
            name, kind = line.split()[2:]
            if name in types:
                raise ValueError(f"{name} has two types")
            types[name] = kind
        elif line.startswith("# HELP "):
            if len(line.split(maxsplit=3)) != 4:
                raise ValueError(f"no help: {line}")
        elif line:
            match = SAMPLE.match(line)
            if not match:
                raise ValueError(f"not a sample: {line}")
            labels = frozenset(re.findall(rf'({NAME})="((?:[^"\\]|\\.)*)"', match[3] or ""))
            if (match[1], labels) in samples:
                raise ValueError(f"twice: {line}")
            samples[match[1], labels] = float(match[4])
    return types, samples


def family(name, types):
    for suffix in ("_bucket", "_sum", "_count"):
        base = name.removesuffix(suffix)
        if types.get(base) == "histogram":
            return base
    return name


class WithServer(unittest.TestCase):
    def setUp(self):
        scratch = weir_process.scratch()
        self.addCleanup(scratch.cleanup)
        self.server = weir_process.Weir(
            WEIR, os.path.join(scratch.name, "weir"),
            config='[[limit]]\nname = "few"\nkey_prefix = "few:"\nrate = "1/h"\nburst = 1\n')
        self.addCleanup(self.server.kill)

    def work(self, client):
        client.command("SET", "k", "v")
        client.command("SET", "t", "v", "EX", "1000")
        client.pipeline([("GET", "k")] * 100)
        client.command("GET", "absent")
        client.command("INCR", "k")  # An error: no number.
        client.command("INCRBY", "n")  # Rejected: too few words.
        client.command("NO-SUCH")
        client.command("SET", "few:1", "v")
        client.command("SET", "few:2", "v")  # One too many.


class Metrics(WithServer):
    def page(self):
        status, page = self.server.http("/metrics")
        self.assertEqual(status, 200)
        return parse(page)

    def test_every_series_of_the_dashboards_is_there_with_its_type_and_labels(self):
        with self.server.client() as client:
            self.work(client)
            types, samples = self.page()
        for name, kind in DASHBOARDS.items():
            with self.subTest(name):
                self.assertEqual(types.get(name), kind)
                found = [labels for series, labels in samples if series == name]
                self.assertTrue(found)
                for labels in found:
                    self.assertLessEqual(LABELS.get(name, set()), {key for key, _ in labels})
        self.assertEqual({dict(labels)["cmd"] for name, labels in samples
                          if name == "redis_commands_total"} & {"get", "set", "incr"},
                         {"get", "set", "incr"})

    def test_names_follow_the_conventions_and_histograms_add_up(self):
        with self.server.client() as client:
            self.work(client)
            types, samples = self.page()
        for (name, labels), value in samples.items():
            base = family(name, types)
            self.assertRegex(base, r"^(redis|weir)_[a-z0-9_]+$")
            if types[base] == "counter" and base != "redis_total_error_replies":
                self.assertTrue(base.endswith("_total"), base)
            if base.startswith("weir_") and types[base] == "gauge":
                self.assertFalse(base.endswith("_total"), base)
            if name.endswith("_bucket") and ("le", "+Inf") in labels:
                others = labels - {("le", "+Inf")}
                self.assertEqual(value, samples[base + "_count", others], base)
        bounds = sorted((float(dict(labels)["le"]), value) for (name, labels), value
                        in samples.items() if name == "weir_request_duration_seconds_bucket")
        self.assertEqual([value for _, value in bounds], sorted(value for _, value in bounds))

    def test_counters_rise_by_what_was_done(self):
        with self.server.client() as client:
            self.work(client)
            client.command("PING")
            types, before = self.page()
            self.work(client)
            client.command("PING")
            _, after = self.page()
        for (name, labels), value in before.items():
            if types[family(name, types)] != "gauge":
                self.assertGreaterEqual(after[name, labels], value, name)

        def rose(name, **labels):
            key = (name, frozenset(labels.items()))
            return after[key] - before[key]

        self.assertEqual(rose("redis_commands_total", cmd="get"), 101)
        self.assertEqual(rose("redis_commands_total", cmd="ping"), 1)
        self.assertEqual(rose("redis_commands_total", cmd="set"), 2)
        self.assertEqual(rose("redis_commands_rejected_calls_total", cmd="set"), 2)
        self.assertEqual(rose("redis_commands_failed_calls_total", cmd="incr"), 1)
        self.assertEqual(rose("redis_commands_rejected_calls_total", cmd="incrby"), 1)
        self.assertGreater(rose("redis_commands_duration_seconds_total", cmd="set"), 0)
        self.assertEqual(rose("weir_command_duration_seconds_count", command="get"), 101)
        self.assertEqual(rose("weir_requests_total", command="get", result="ok"), 101)
        self.assertEqual(rose("redis_errors_total", err="ERR"), 3)
        self.assertEqual(rose("redis_errors_total", err="THROTTLED"), 2)
        self.assertEqual(rose("weir_ratelimit_decisions_total", policy="few", decision="deny"), 2)
        self.assertEqual(rose("weir_unknown_commands_total"), 1)
        self.assertGreaterEqual(
            rose("weir_db_request_duration_seconds_count", database="0", op="commit"), 1)
        self.assertGreater(rose("redis_net_input_bytes_total"), 1000)
        self.assertGreater(sum(value for (name, _), value in after.items()
                               if name == "weir_cache_policy_lanes"), 0)
        # What is not for entries is for choosing their policy.
        part = after["weir_memory_budget_bytes", frozenset({("part", "cache")})]
        self.assertAlmostEqual(after["weir_cache_budget_bytes", frozenset()], part,
                               delta=0.03 * part)


class LargeValues(unittest.TestCase):
    def test_of_little_memory_half_a_mebibyte_is_kept_and_a_whole_one_is_not(self):
        scratch = weir_process.scratch()
        self.addCleanup(scratch.cleanup)
        server = weir_process.Weir(WEIR, os.path.join(scratch.name, "weir"), "--memory", "64MiB",
                                   "--threads", "2")
        self.addCleanup(server.kill)

        def page():
            return parse(server.http("/metrics")[1])[1]

        with server.client() as client:
            client.command("SET", "large", "x" * (1 << 19))
            client.command("SET", "too-large", "x" * (1 << 20))
            before = page()
            for _ in range(10):
                client.command("GET", "large")
                client.command("GET", "too-large")
            after = page()
        for name in ("weir_cache_hits_total", "weir_cache_misses_total",
                     "weir_cache_too_large_total"):
            key = (name, frozenset())
            self.assertEqual(after[key] - before[key], 10, name)


class Info(WithServer):
    def info(self, client, *sections):
        text = client.command("INFO", *sections).decode()
        self.assertTrue(text.startswith("# ") if text else True, text)
        found, section = {}, None
        for line in text.split("\r\n"):
            if line.startswith("# "):
                section = found.setdefault(line[2:], {})
            elif line:
                name, _, value = line.partition(":")
                self.assertNotIn(name, section)
                section[name] = value
        return found

    def test_every_field_is_in_its_section(self):
        with self.server.client() as client:
            self.work(client)
            weir_process.wait_until(lambda: "db0" in self.info(client, "keyspace")["Keyspace"],
                                    "the keys are counted")
            for whole in ("everything", "all"):
                info = self.info(client, whole)
                self.assertEqual(set(info), set(INFO))
                for section, fields in INFO.items():
                    self.assertEqual(set(fields.split()) - set(info[section]), set(), section)
            self.assertEqual(set(INFO) - set(self.info(client)), {"Commandstats", "Latencystats"})
            self.assertEqual(set(self.info(client, "default")), set(self.info(client)))
            self.assertEqual(list(self.info(client, "CPU", "memory")), ["Memory", "CPU"])
            self.assertEqual(self.info(client, "no-such-section"), {})

    def test_values_are_those_of_what_happened(self):
        with self.server.client() as client:
            client.command("CONFIG", "RESETSTAT")
            self.work(client)
            info = self.info(client, "all")
            calls = dict(pair.split("=") for pair
                         in info["Commandstats"]["cmdstat_get"].split(","))
            self.assertEqual((calls["calls"], calls["failed_calls"], calls["rejected_calls"]),
                             ("101", "0", "0"))
            self.assertGreaterEqual(int(calls["usec"]), 0)
            self.assertIn("rejected_calls=1,", info["Commandstats"]["cmdstat_incrby"])
            self.assertIn("failed_calls=1", info["Commandstats"]["cmdstat_incr"])
            self.assertEqual(info["Errorstats"], {"errorstat_ERR": "count=3",
                                                  "errorstat_THROTTLED": "count=1"})
            percentiles = dict(pair.split("=") for pair in info["Latencystats"][
                "latency_percentiles_usec_set"].split(","))
            self.assertEqual(list(percentiles), ["p50", "p99", "p99.9"])
            self.assertLessEqual(float(percentiles["p50"]), float(percentiles["p99.9"]))
            self.assertGreater(float(percentiles["p50"]), 1)
            self.assertEqual(info["Server"]["tcp_port"], str(self.server.port))
            self.assertEqual(info["Server"]["process_id"], str(self.server.pid))
            resident = self.server.resident_bytes()
            self.assertLess(abs(int(info["Memory"]["used_memory_rss"]) - resident), resident / 4)
            self.assertGreater(int(info["Memory"]["used_memory"]), 1 << 20)
            self.assertEqual(info["Clients"]["connected_clients"], "1")
            # The system counts in ticks, of which the work so far need not have met one.
            weir_process.wait_until(
                lambda: client.pipeline([("GET", "k")] * 1000) and
                float(self.info(client, "cpu")["CPU"]["used_cpu_user"]) > 0,
                "there is CPU time of the process's own")

    def test_rates_show_work_while_it_lasts(self):
        with self.server.client() as client:
            client.command("SET", "k", "v" * 1000)

            def works():
                client.pipeline([("GET", "k")] * 64)
                stats = self.info(client, "stats")["Stats"]
                return (int(stats["instantaneous_ops_per_sec"]) > 100
                        and float(stats["instantaneous_output_kbps"]) > 10
                        and float(stats["instantaneous_input_kbps"]) > 1)
            weir_process.wait_until(works, "the rates rise")

    def test_resetstat_resets_info_and_not_the_metrics(self):
        with self.server.client() as client:
            self.work(client)
            before = self.server.metrics()['redis_commands_total{cmd="get"}']
            self.assertEqual(client.command("CONFIG", "RESETSTAT"), b"OK")
            info = self.info(client, "all")
            self.assertNotIn("cmdstat_get", info["Commandstats"])
            self.assertEqual(info["Errorstats"], {})
            self.assertEqual(info["Stats"]["keyspace_hits"], "0")
            self.assertEqual(self.server.metrics()['redis_commands_total{cmd="get"}'], before)


if __name__ == "__main__":
    WEIR = sys.argv.pop(1)
    unittest.main()
