package dev.langchain4j.model.mlx.cache.disk;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/** Records whose bytes are told by the tokens before and in them, so that anything read wrongly shows. */
final class Paths {
    /** Bytes that a token takes in each of the two sections of an edge. */
    static final int TOKEN_BYTES = 8;

    private Paths() {}

    private static long digest(int[] tokens, int to) {
        long digest = 17;
        for (int i = 0; i < to; i++) {
            digest = digest * 31 + tokens[i];
        }
        return digest;
    }

    private static Section section(int layer, int slot, int[] tokens, int from, int to) {
        ByteBuffer bytes = ByteBuffer.allocate((to - from) * TOKEN_BYTES);
        long digest = digest(tokens, from);
        for (int i = from; i < to; i++) {
            digest = digest * 31 + tokens[i];
            bytes.putLong(digest + 1000 * layer + slot);
        }
        return new Section(layer, slot, 10, new int[] {1, to - from, 2}, bytes.flip());
    }

    static List<Section> edge(int[] tokens, int from, int to) {
        return List.of(section(0, 0, tokens, from, to), section(0, 1, tokens, from, to));
    }

    static List<Section> state(int[] tokens, int position) {
        ByteBuffer bytes = ByteBuffer.allocate(100).putLong(0, digest(tokens, position));
        return List.of(new Section(1, 0, 3, new int[] {100}, bytes));
    }

    static byte[] name(long user) {
        return ("user " + user).getBytes(StandardCharsets.UTF_8);
    }

    /** The folder of a store, whatever follows its identity. */
    static Path folder(Path root) throws IOException {
        try (Stream<Path> folders = Files.list(root)) {
            return folders.filter(Files::isDirectory).findFirst().orElseThrow();
        }
    }

    /** Stores a path, in edges of at most so many tokens, with a state at its end, as what a user needs. */
    static List<DiskRecord> store(DiskStore store, long user, int[] tokens, int edgeTokens, boolean noOthers) {
        List<DiskRecord> added = new ArrayList<>();
        store.name(user, name(user));
        DiskPath path = store.match(0, tokens);
        while (path.matched() < tokens.length) {
            int to = Math.min(tokens.length, path.matched() + edgeTokens);
            DiskRecord edge = store.addEdge(
                    user,
                    user,
                    0,
                    path,
                    Arrays.copyOfRange(tokens, path.matched(), to),
                    edge(tokens, path.matched(), to));
            if (edge == null) {
                return added;
            }
            added.add(edge);
            path = store.match(0, tokens);
        }
        List<Need> needed = new ArrayList<>(List.of(new Need(path.last(), tokens.length)));
        DiskRecord state = path.stateAt(tokens.length);
        if (state == null) {
            state = store.addState(user, user, path.last(), tokens.length, state(tokens, tokens.length));
        }
        if (state != null) {
            added.add(state);
            needed.add(Need.whole(state));
        }
        store.need(user, needed, noOthers);
        return added;
    }

    /** Reads what is stored of a path; gives how many of its tokens can be read, all of which are right. */
    static int read(DiskStore store, int[] tokens) {
        DiskPath path = store.match(0, tokens);
        int stored = path.stored();
        int read = 0;
        for (DiskRecord edge : path.edges()) {
            if (edge.start() >= stored || read < edge.start()) {
                break;
            }
            List<Section> sections = store.read(edge, Destination.NONE);
            if (sections == null) {
                break;
            }
            int[] own = Arrays.copyOf(tokens, Math.max(tokens.length, edge.end()));
            System.arraycopy(edge.tokens, 0, own, edge.start(), edge.end() - edge.start());
            assertSame(sections, edge(own, edge.start(), edge.end()));
            read = Math.min(edge.end(), path.matched());
        }
        for (DiskRecord state : path.states()) {
            if (state.isStored()) {
                List<Section> sections = store.read(state, Destination.NONE);
                if (sections != null) {
                    assertSame(sections, state(tokens, state.start()));
                }
            }
        }
        return read;
    }

    static void assertSame(List<Section> read, List<Section> expected) {
        assertThat(read).hasSameSizeAs(expected);
        for (int i = 0; i < read.size(); i++) {
            assertThat(read.get(i).layer()).isEqualTo(expected.get(i).layer());
            assertThat(read.get(i).slot()).isEqualTo(expected.get(i).slot());
            assertThat(read.get(i).type()).isEqualTo(expected.get(i).type());
            assertThat(read.get(i).shape()).isEqualTo(expected.get(i).shape());
            assertThat(read.get(i).bytes()).isEqualTo(expected.get(i).bytes());
        }
    }
}
