package dev.langchain4j.model.mlx.samples.bench;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.cache.CacheLimits;
import dev.langchain4j.model.mlx.cache.TrieCache;
import dev.langchain4j.model.mlx.draft.DraftCounts;
import dev.langchain4j.model.mlx.draft.DraftKind;
import dev.langchain4j.model.mlx.generate.Engine;
import dev.langchain4j.model.mlx.generate.GenerationResult;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.model.LanguageModel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * An agent that was asked to rename something in a file that it has read, and writes the whole file again. The model
 * computes each token, and logits are raised for those that the answer is to have: so models of any ability and size
 * can be measured.
 */
final class GivenAnswers implements AutoCloseable {
    /** What the answer took without its first token. */
    record Answer(double seconds, int tokens, Map<DraftKind, DraftCounts> drafts) {}

    private final Subject subject;
    private final int[] prompt;
    private final int[] answer;
    private final TrieCache[] caches = new TrieCache[2];
    private final Engine[] engines = new Engine[2];

    GivenAnswers(Path model, String file) {
        subject = new Subject(model);
        prompt =
                subject.tokenizer().encode("Rename tool to device in this file:\n" + file + "\nThe new file:\n", false);
        answer = subject.tokenizer().encode(file.replace("tool", "device"), false);
        LanguageModel given = new Given(subject.model(), Tokens.concat(prompt, answer));
        for (int i = 0; i < engines.length; i++) {
            caches[i] = new TrieCache(new CacheLimits(0, 0, Duration.ZERO, 1024), System::nanoTime);
            engines[i] = subject.engine(given, caches[i], i == 1);
        }
    }

    Answer answer(boolean drafting) {
        GenerationResult result = subject.generate(engines[drafting ? 1 : 0], prompt, answer.length, "agent");
        if (!Arrays.equals(result.generated(), answer)) {
            throw new IllegalStateException("the answer is not the one that was given");
        }
        long nanos = result.timings().total() - result.timings().timeToFirstToken();
        return new Answer(nanos / 1e9, answer.length - 1, result.drafts());
    }

    @Override
    public void close() {
        for (Engine engine : engines) {
            engine.close();
        }
        subject.thread().run(() -> {
            for (TrieCache cache : caches) {
                cache.close();
            }
        });
        subject.close();
    }

    /** A model that says what it is given, told by position. */
    private record Given(LanguageModel model, int[] sequence, int[] first) implements LanguageModel {
        private static final float SURE = 1e4f;

        Given(LanguageModel model, int[] sequence) {
            this(model, sequence, new int[1]);
        }

        @Override
        public MlxArray forward(MlxArray tokens, Spans spans) {
            first[0] = spans.positionsOfHeads()[0];
            return model.forward(tokens, spans);
        }

        @Override
        public MlxArray logits(MlxArray hidden) {
            MlxArray logits = model.logits(hidden);
            int rows = hidden.dim(1);
            int[] next = new int[rows];
            for (int i = 0; i < rows; i++) {
                next[i] = sequence[Math.min(sequence.length - 1, first[0] + i + 1)];
            }
            MlxArray ids = MlxArray.of(next, 1, rows, 1);
            MlxArray sure = Indexing.full(MlxArray.scalar(SURE, logits.dtype()), logits.dtype(), 1, rows, 1);
            return Indexing.scatterAddAlong(logits, ids, Ops.astype(sure, logits.dtype()), -1);
        }

        @Override
        public List<LayerCache> newLayers() {
            return model.newLayers();
        }

        @Override
        public int vocabularySize() {
            return model.vocabularySize();
        }
    }
}
