package dev.langchain4j.model.mlx.cache.disk;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Which records there are, how they hang together, and who needs them: a tree for each scope. Each user has tips, the ends of
 * what it needs; a record that is no tip and has none below it is needed by nobody. Knows no files. Guarded by its store.
 */
final class RecordIndex {
    /** Gives the tokens of an edge, or null if they cannot be read. */
    interface TokenReader {
        int[] tokens(DiskRecord edge);
    }

    private final Map<Long, DiskRecord> byId = new HashMap<>();
    private final Map<Long, DiskRecord> roots = new HashMap<>();
    private final Map<Long, Set<DiskRecord>> tips = new HashMap<>();
    private long nextId = 1;
    private long uses;

    DiskRecord get(long id) {
        return byId.get(id);
    }

    Collection<DiskRecord> all() {
        return byId.values();
    }

    int size() {
        return byId.size();
    }

    Set<Long> users() {
        return tips.keySet();
    }

    Set<DiskRecord> tips(long user) {
        return tips.getOrDefault(user, Set.of());
    }

    DiskRecord root(long scope) {
        return roots.computeIfAbsent(scope, DiskRecord::root);
    }

    long nextId() {
        return nextId++;
    }

    /** Adds a record behind its parent. */
    void add(DiskRecord record) {
        nextId = Math.max(nextId, record.id + 1);
        byId.put(record.id, record);
        record.parent.children.add(record);
    }

    /** Sees to it that no ID is given twice, also none of a record that is gone. */
    void reserve(long id) {
        nextId = Math.max(nextId, id + 1);
    }

    /** The longest path that begins like these tokens. */
    DiskPath match(long scope, int[] tokens, TokenReader reader) {
        DiskRecord at = roots.get(scope);
        if (at == null) {
            return DiskPath.NONE;
        }
        List<DiskRecord> edges = new ArrayList<>();
        List<DiskRecord> states = new ArrayList<>();
        int matched = 0;
        while (true) {
            DiskRecord best = null;
            int bestMatched = matched;
            for (DiskRecord child : List.copyOf(at.children)) {
                if (!child.state && child.start == matched && matched < tokens.length && child.first == tokens[matched]) {
                    int end = matched(child, tokens, reader);
                    if (end > bestMatched) {
                        best = child;
                        bestMatched = end;
                    }
                }
            }
            addStates(at, matched, states);
            if (best == null) {
                break;
            }
            edges.add(best);
            at = best;
            matched = bestMatched;
        }
        return new DiskPath(edges, states, matched, next(at, matched));
    }

    private static int matched(DiskRecord edge, int[] tokens, TokenReader reader) {
        int[] own = reader.tokens(edge);
        if (own == null) {
            return edge.start;
        }
        int length = Math.min(own.length, tokens.length - edge.start);
        int equal = 0;
        while (equal < length && own[equal] == tokens[edge.start + equal]) {
            equal++;
        }
        return edge.start + equal;
    }

    private static void addStates(DiskRecord edge, int matched, List<DiskRecord> states) {
        edge.children.stream()
                .filter(child -> child.state && child.start <= matched)
                .sorted(Comparator.comparingInt(state -> state.start))
                .forEach(states::add);
    }

    private static int next(DiskRecord last, int matched) {
        if (matched < last.end) {
            return last.tokens[matched - last.start];
        }
        return last.children.stream()
                .filter(child -> !child.state && child.start == matched)
                .max(Comparator.comparingLong(child -> child.used))
                .map(child -> child.first)
                .orElse(-1);
    }

    /** Counts a use of a record and of all that it stands on. */
    void use(DiskRecord record, long millis) {
        uses++;
        for (DiskRecord r = record; r.parent != null; r = r.parent) {
            r.used = uses;
            r.usedMillis = Math.max(r.usedMillis, millis);
        }
    }

    /** Lets a user need these records, and, if asked for, no others any more; gives those that nobody needs now. */
    List<DiskRecord> need(long user, Collection<DiskRecord> records, boolean noOthers) {
        Set<DiskRecord> own = tips.computeIfAbsent(user, unknown -> new LinkedHashSet<>());
        for (DiskRecord record : records) {
            if (record.parent != null && !record.isDropped() && own.add(record)) {
                record.tips++;
            }
        }
        List<DiskRecord> removed = new ArrayList<>();
        if (noOthers) {
            List<DiskRecord> before = new ArrayList<>(own);
            before.removeAll(records);
            before.forEach(record -> letGo(own, record, removed));
        }
        if (own.isEmpty()) {
            tips.remove(user);
        }
        return removed;
    }

    /** Lets a user need a record, and no others if {@code noOthers}; what nobody needs then stays for now. */
    void needed(long user, DiskRecord record, boolean noOthers) {
        if (noOthers) {
            forgotten(user);
        }
        need(user, List.of(record), false);
    }

    /** Lets a user need nothing; what nobody needs then stays for now. */
    void forgotten(long user) {
        Set<DiskRecord> own = tips.remove(user);
        if (own != null) {
            own.forEach(record -> record.tips--);
        }
    }

    /** Forgets a user; gives the records that nobody needs now. */
    List<DiskRecord> forget(long user) {
        List<DiskRecord> removed = new ArrayList<>();
        Set<DiskRecord> own = tips.getOrDefault(user, new HashSet<>());
        List.copyOf(own).forEach(record -> letGo(own, record, removed));
        tips.remove(user);
        return removed;
    }

    private void letGo(Set<DiskRecord> own, DiskRecord record, List<DiskRecord> removed) {
        if (own.remove(record)) {
            record.tips--;
        }
        DiskRecord at = record;
        while (at.parent != null && !at.isDropped() && at.tips == 0 && at.children.isEmpty()) {
            DiskRecord parent = at.parent;
            remove(at, removed);
            at = parent;
        }
    }

    /** Removes a record with all that stands on it. */
    List<DiskRecord> remove(DiskRecord record) {
        List<DiskRecord> removed = new ArrayList<>();
        List<DiskRecord> open = new ArrayList<>(List.of(record));
        while (!open.isEmpty()) {
            DiskRecord next = open.removeLast();
            open.addAll(next.children);
            if (!next.isDropped()) {
                remove(next, removed);
            }
        }
        return removed;
    }

    private void remove(DiskRecord record, List<DiskRecord> removed) {
        record.phase = DiskRecord.Phase.DROPPED;
        record.parent.children.remove(record);
        byId.remove(record.id);
        if (record.tips > 0) {
            tips.values().forEach(own -> own.remove(record));
            tips.values().removeIf(Set::isEmpty);
            record.tips = 0;
        }
        if (record.parent.parent == null && record.parent.children.isEmpty()) {
            roots.remove(record.scope, record.parent);
        }
        removed.add(record);
    }

    /** Removes what no user needs, children before parents. */
    List<DiskRecord> removeUnneeded() {
        List<DiskRecord> removed = new ArrayList<>();
        List<DiskRecord> youngestFirst = new ArrayList<>(byId.values());
        youngestFirst.sort(Comparator.comparingLong((DiskRecord record) -> record.id).reversed());
        for (DiskRecord record : youngestFirst) {
            if (record.tips == 0 && record.children.isEmpty()) {
                remove(record, removed);
            }
        }
        return removed;
    }
}
