package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.model.mlx.cache.Trace.Request;
import dev.langchain4j.model.mlx.cache.Trace.Segment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What an ideal radix tree over segments would reuse, in which a token takes a byte and nothing else takes any. When it
 * is over its budget it evicts whole segments at the ends of branches: the least recently used, or, knowing the future,
 * the one that is needed last.
 */
final class IdealTree {
    private static final int NEVER = Integer.MAX_VALUE;

    private static final class Node {
        final Node parent;
        final Segment key;
        final String path;
        final int end;
        final Map<Segment, Node> children = new HashMap<>();
        int used;

        Node(Node parent, Segment key) {
            this.parent = parent;
            this.key = key;
            this.path = parent == null ? "" : parent.path + "/" + key.name() + "#" + key.length();
            this.end = parent == null ? 0 : parent.end + key.length();
        }
    }

    private final Node root = new Node(null, null);
    private final Set<Node> leaves = new HashSet<>();
    /** For each path the requests whose prompts begin with it; null if the future is not known. */
    private final Map<String, List<Integer>> future;

    private final long budget;
    private long held;
    private int now;

    private IdealTree(long budget, Map<String, List<Integer>> future) {
        this.budget = budget;
        this.future = future;
    }

    /** Tokens reused with eviction of the least recently used. */
    static long leastRecentlyUsed(Trace trace, long budget) {
        return new IdealTree(budget, null).run(trace);
    }

    /** Tokens reused with eviction of what is needed last. */
    static long clairvoyant(Trace trace, long budget) {
        Map<String, List<Integer>> uses = new HashMap<>();
        for (int i = 0; i < trace.requests().size(); i++) {
            Node at = new Node(null, null);
            for (Segment segment : trace.requests().get(i).prompt()) {
                at = new Node(at, segment);
                uses.computeIfAbsent(at.path, path -> new ArrayList<>()).add(i);
            }
        }
        return new IdealTree(budget, uses).run(trace);
    }

    private long run(Trace trace) {
        long reused = 0;
        for (now = 0; now < trace.requests().size(); now++) {
            Request request = trace.requests().get(now);
            reused += Math.min(matched(request), request.promptLength() - 1);
            Node at = root;
            for (Segment segment : request.prompt()) {
                at = use(at, segment);
            }
            for (Segment segment : request.output()) {
                at = use(at, segment);
            }
            while (held > budget) {
                evict();
            }
        }
        return reused;
    }

    private int matched(Request request) {
        Node at = root;
        for (Segment segment : request.prompt()) {
            Node child = at.children.get(segment);
            if (child == null) {
                break;
            }
            at = child;
        }
        return at.end;
    }

    private Node use(Node parent, Segment segment) {
        Node node = parent.children.get(segment);
        if (node == null) {
            node = new Node(parent, segment);
            parent.children.put(segment, node);
            leaves.remove(parent);
            leaves.add(node);
            held += segment.length();
        }
        node.used = now;
        return node;
    }

    private void evict() {
        Node victim = null;
        long worst = Long.MAX_VALUE;
        for (Node leaf : leaves) {
            long worth = future == null ? leaf.used : -(long) nextUse(leaf);
            if (worth < worst || worth == worst && leaf.end > victim.end) {
                worst = worth;
                victim = leaf;
            }
        }
        leaves.remove(victim);
        victim.parent.children.remove(victim.key);
        held -= victim.key.length();
        if (victim.parent.children.isEmpty() && victim.parent != root) {
            leaves.add(victim.parent);
        }
    }

    private int nextUse(Node leaf) {
        for (int use : future.getOrDefault(leaf.path, List.of())) {
            if (use > now) {
                return use;
            }
        }
        return NEVER;
    }
}
