"""Whether NetworkPolicies open what settings name, and nothing else."""

import urllib.parse

# Prometheus asks for metrics from there.
MONITORING = "monitoring"
DNS = {("kube-system", "UDP", 53), ("kube-system", "TCP", 53)}
# Where a node has a cache of its own (NodeLocal DNSCache), it is asked in the place of kube-system.
NODE_DNS = {("169.254.20.10/32", "UDP", 53), ("169.254.20.10/32", "TCP", 53)}
# Any address outside of the cluster: a name says nothing of it.
OUTSIDE = "outside"


def broken(workloads, documents):
    """Returns what is open and not needed, or needed and not open, of the pods of all workloads."""
    problems = []
    for policy in (made for made in documents if made["kind"] == "NetworkPolicy"):
        chosen = [workload for workload in workloads if workload.chosen_by(policy)]
        name = f"NetworkPolicy {policy['metadata']['name']}"
        problems += [f"{name}: {problem}" for problem in compare(policy, chosen)]
    return problems


def compare(policy, workloads):
    problems = []
    out, of_rules = opened(policy["spec"].get("egress", []), "to")
    problems += of_rules
    needed = set().union(DNS, *(workload.reaches() for workload in workloads))
    problems += [f"{place(need)} is not open, and is needed" for need in sorted(needed) if not has(out, need)]
    idle = [rule for rule in sorted(out - NODE_DNS) if not any(meets(rule, need) for need in needed)]
    problems += [f"{place(rule)} is open, and nothing needs it" for rule in idle]
    into, of_rules = opened(policy["spec"].get("ingress", []), "from")
    problems += of_rules
    listening = {(MONITORING, "TCP", port) for workload in workloads for port in workload.listens()}
    problems += [f"{place(need)} may not ask for metrics" for need in sorted(listening - into, key=str)]
    problems += [f"{place(rule)} may come in, and nobody listens" for rule in sorted(into - listening, key=str)]
    return problems


def place(rule):
    return f"{rule[0]} {rule[1]} {rule[2]}"


def has(out, need):
    return any(meets(rule, need) for rule in out)


def meets(rule, need):
    return rule[1:] == need[1:] and (rule[0] == need[0] or (need[0] == OUTSIDE and "/" in rule[0]))


def opened(rules, peers):
    """Returns peers with protocols and ports, and what is wrong with rules."""
    found, problems = set(), []
    for rule in rules:
        if not rule.get(peers) or not rule.get("ports"):
            problems.append(f"a rule without `{peers}` or without ports opens everything")
            continue
        for peer in rule[peers]:
            names = who(peer)
            if not names:
                problems.append(f"{peer} is neither namespaces by their names nor a block of addresses")
            found |= {(name, port.get("protocol", "TCP"), port["port"]) for name in names for port in rule["ports"]}
    return found, problems


def who(peer):
    if "ipBlock" in peer:
        cidr = peer["ipBlock"]["cidr"]
        return [] if cidr.endswith("/0") else [cidr]
    expressions = peer.get("namespaceSelector", {}).get("matchExpressions", [])
    chosen = [it["values"] for it in expressions if it["key"] == "kubernetes.io/metadata.name" and it["operator"] == "In"]
    return chosen[0] if len(chosen) == 1 else []


def namespace(host, own):
    """Returns where a host is: `service.namespace`, or the same with `.svc` and the cluster's domain."""
    parts = host.split(".")
    if len(parts) == 1:
        return own
    return parts[1] if len(parts) == 2 or parts[2] == "svc" else OUTSIDE


def of_servers(servers, own):
    """Returns where `host:port,host:port` is."""
    pairs = [server.strip().rpartition(":") for server in servers.split(",")]
    return {(namespace(host, own), "TCP", int(port)) for host, _, port in pairs}


def of_url(url, own):
    parts = urllib.parse.urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    return {(namespace(parts.hostname, own), "TCP", port)}
