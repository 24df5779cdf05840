package dev.langchain4j.model.mlx.ranks;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Safetensors;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.mlx.TextLibraryException;
import dev.langchain4j.model.mlx.arch.ModelLoader;
import dev.langchain4j.model.mlx.kv.KvFormat;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Snapshot;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.ModelFolder;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;

/** A rank of {@link SplitGoldenTest}: the first one compares what all compute with what it computes alone. */
final class SplitModels {
    static final String QUANTIZED = "+kv8";
    static final String HALFWAY = "+halfway";
    static final String PIPELINE = "+pipeline";
    /** Before the folder of an adapter, behind all others. */
    static final String ADAPTER = "@";

    private SplitModels() {}

    public static void main(String[] args) throws Exception {
        int rank = Integer.parseInt(args[0]);
        String hosts = Files.readString(Path.of(args[1])).strip();
        List<List<String>> addresses = Arrays.stream(hosts.split(","))
                .map(host -> List.of(host.replaceAll("[\\[\\]\" ]", "")))
                .toList();
        RankSettings settings = new RankSettings(
                rank,
                addresses.size(),
                "ring",
                addresses,
                Map.of("MLX_RANK", args[0], "MLX_HOSTFILE", args[1]),
                Duration.ofSeconds(30),
                Duration.ofSeconds(60));
        for (String name : Arrays.asList(args).subList(2, args.length)) {
            Path adapter = name.contains(ADAPTER) ? Path.of(name.split(ADAPTER)[1]) : null;
            Path folder = Path.of(name.split(ADAPTER)[0]
                    .replace(QUANTIZED, "")
                    .replace(HALFWAY, "")
                    .replace(PIPELINE, ""));
            boolean pipeline = name.contains(PIPELINE);
            KvFormat format = name.contains(QUANTIZED) ? new KvFormat(8, 32, 0, 0) : KvFormat.PLAIN;
            long handles = LiveHandles.count();
            try (MlxThread thread = MlxThread.start("rank")) {
                Ranks ranks = Ranks.join(settings, pipeline, thread);
                ranks.agree(Map.of("model", folder.toString()));
                ModelConfig config = ModelFolder.config(folder);
                ModelLoader.Loaded share = thread.call(() -> pipeline
                        ? ModelLoader.loadStage(folder, config, DType.FLOAT32, false, adapter, format, ranks.stage())
                        : ModelLoader.loadShare(folder, config, DType.FLOAT32, false, adapter, ranks.shard())
                                .with(format));
                try {
                    if (rank == 0 && name.endsWith(HALFWAY)) {
                        failHalfway(share.model(), ranks, thread);
                    } else if (rank == 0) {
                        LanguageModel all = ranks.lead(share.model(), cause -> System.out.println("LOST " + cause));
                        report(folder, adapter, format, all, thread);
                    } else {
                        ranks.follow(share.model());
                    }
                } finally {
                    thread.run(() -> {
                        ranks.close();
                        share.weights().close();
                    });
                }
            }
            if (LiveHandles.count() != handles) {
                System.out.println("leaked " + (LiveHandles.count() - handles) + " by " + name);
            }
        }
        System.out.println("done");
    }

    /** Fails in ways that leave the others where they are, then in one that does not, and ends this process. */
    private static void failHalfway(LanguageModel share, Ranks ranks, MlxThread thread) {
        boolean[] fails = new boolean[1];
        LanguageModel own = new LanguageModel() {
            @Override
            public MlxArray forward(MlxArray tokens, Spans spans) {
                if (fails[0]) {
                    throw new IllegalStateException("halfway");
                }
                return share.forward(tokens, spans);
            }

            @Override
            public MlxArray logits(MlxArray hidden) {
                return share.logits(hidden);
            }

            @Override
            public List<LayerCache> newLayers() {
                return share.newLayers();
            }

            @Override
            public int vocabularySize() {
                return share.vocabularySize();
            }
        };
        LanguageModel all = ranks.lead(own, cause -> System.out.println("LOST " + cause.getMessage()));
        thread.run(() -> {
            play(all, new int[] {1, 2, 3, 4});
            for (RuntimeException failure : List.of(
                    new InvalidRequestException("too long"),
                    new CancellationException("cancelled"),
                    new TextLibraryException("not of this grammar"))) {
                System.out.println("its own " + (all.explain(failure) == failure));
            }
            fails[0] = true;
            try {
                play(all, new int[] {1, 2, 3, 4});
            } catch (IllegalStateException e) {
                System.out.println("explained " + all.explain(e));
            }
            Runtime.getRuntime().halt(0);
        });
    }

    private static void report(Path folder, Path adapter, KvFormat format, LanguageModel split, MlxThread thread) {
        int[] prompt = thread.call(() -> {
            try (Scope scope = Scope.open()) {
                return Safetensors.load(folder.resolve("golden.safetensors"))
                        .get("prompt")
                        .toInts();
            }
        });
        List<float[]> got = thread.call(() -> play(split, prompt));
        ModelLoader.Loaded whole = thread.call(
                () -> ModelLoader.load(folder, ModelFolder.config(folder), DType.FLOAT32, false, adapter, false)
                        .with(format));
        try {
            List<float[]> want = thread.call(() -> play(whole.model(), prompt));
            double gap = 0;
            boolean sameTokens = true;
            for (int i = 0; i < want.size(); i++) {
                for (int k = 0; k < want.get(i).length; k++) {
                    double d = Math.abs(want.get(i)[k] - got.get(i)[k]);
                    gap = d <= gap ? gap : d;
                }
                sameTokens &= greedy(want.get(i)) == greedy(got.get(i));
            }
            System.out.printf("%s gap %.2e tokens %s steps %d%n", folder.getFileName(), gap, sameTokens, want.size());
        } finally {
            thread.run(() -> whole.weights().close());
        }
    }

    /**
     * What an engine does with a model: chunks, decode, checkpoints, other sequences from them and from their bytes,
     * batches, drafts.
     */
    private static List<float[]> play(LanguageModel model, int[] prompt) {
        List<float[]> rows = new ArrayList<>();
        int middle = prompt.length / 2;
        List<LayerCache> first = model.newLayers();
        List<LayerCache> second = model.newLayers();
        List<LayerCache> third = model.newLayers();
        List<Snapshot> kept = new ArrayList<>();
        try {
            first.forEach(layer -> layer.reserve(prompt.length));
            rows.add(feed(model, List.of(first), Arrays.copyOf(prompt, middle)));
            for (LayerCache layer : first) {
                kept.add(layer.sliceable() ? layer.slice(0, middle) : layer.state());
            }
            rows.add(feed(model, List.of(first), Arrays.copyOfRange(prompt, middle, prompt.length)));
            rows.add(feed(model, List.of(first), greedy(rows.getLast())));
            for (int i = 0; i < second.size(); i++) {
                second.get(i).restore(kept.get(i));
            }
            rows.add(feed(model, List.of(second), prompt[0]));
            for (int times = 0; times < 2; times++) {
                third.forEach(LayerCache::reset);
                for (int i = 0; i < third.size(); i++) {
                    try (Snapshot read = read(third.get(i), kept.get(i))) {
                        third.get(i).restore(read);
                    }
                }
                rows.add(feed(model, List.of(third), prompt[0]));
            }
            for (int i = 0; i < 4; i++) {
                rows.add(feed(model, List.of(first, second), i + 1, i + 2));
            }
            first.forEach(LayerCache::separate);
            int position = first.getFirst().offset();
            first.forEach(layer -> layer.mark(3));
            rows.add(feed(model, List.of(first), 5, 6, 7));
            first.forEach(layer -> layer.trimTo(position + 1));
            rows.add(feed(model, List.of(first), 8));
            return rows;
        } finally {
            kept.forEach(Snapshot::close);
            first.forEach(LayerCache::close);
            second.forEach(LayerCache::close);
            third.forEach(LayerCache::close);
        }
    }

    /** A snapshot of the bytes of another one, which is refused if a part of them is missing. */
    private static Snapshot read(LayerCache layer, Snapshot kept) {
        MlxArray[] arrays = new MlxArray[layer.arraysMax()];
        int last = -1;
        try (Scope scope = Scope.open()) {
            MlxArray[] held = kept.arrays();
            for (int i = 0; i < held.length; i++) {
                if (held[i] != null) {
                    ByteBuffer bytes = ByteBuffer.allocate((int) held[i].bytes());
                    held[i].copyTo(bytes);
                    arrays[i] = MlxArray.of(bytes.flip(), held[i].dtype(), held[i].shape())
                            .detach();
                    last = i;
                }
            }
        }
        if (layer.sliceable()) {
            MlxArray[] without = arrays.clone();
            without[last] = null;
            try {
                layer.snapshot(kept.start(), kept.end(), without);
                throw new AssertionError("not all arrays were there");
            } catch (IllegalArgumentException e) {
                // on all ranks, which go on
            }
        }
        return layer.snapshot(kept.start(), kept.end(), arrays);
    }

    /** The logits behind the last token of each sequence; tokens are parted evenly. */
    private static float[] feed(LanguageModel model, List<List<LayerCache>> sequences, int... tokens) {
        int[] lengths = new int[sequences.size()];
        Arrays.fill(lengths, tokens.length / sequences.size());
        MlxArray logits;
        try (Scope scope = Scope.open()) {
            MlxArray hidden = model.forward(MlxArray.of(tokens, 1, tokens.length), Spans.of(sequences, lengths));
            logits = model.logits(hidden).detach();
        }
        try (logits) {
            float[] all = logits.toFloats();
            int width = all.length / tokens.length;
            int rows = sequences.size() == 1 ? 1 : tokens.length;
            return Arrays.copyOfRange(all, all.length - rows * width, all.length);
        }
    }

    private static int greedy(float[] row) {
        int best = 0;
        for (int i = 1; i < row.length; i++) {
            best = row[i] > row[best] ? i : best;
        }
        return best;
    }
}
