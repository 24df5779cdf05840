package dev.langchain4j.model.mlx.generate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Device;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.mlx.Safetensors;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.arch.ModelLoader;
import dev.langchain4j.model.mlx.draft.DraftKind;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.model.DraftModel;
import dev.langchain4j.model.mlx.model.ModelFolder;
import dev.langchain4j.model.mlx.testing.Goldens;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Heads that draft (MTP), of raw folders: what they say is what {@code scripts/make_mtp_goldens.py} computes for the
 * same weights with a head that is written out there.
 */
class MtpGoldenTest {
    private static final float APART_MAX = 2e-3f;

    @ParameterizedTest
    @ValueSource(strings = {"qwen3_next", "qwen3_5", "qwen3_5_moe", "glm4_moe", "deepseek_v3"})
    void theHeadSaysWhatTheReferenceSays(String name) {
        long handles = LiveHandles.count();
        Path folder = Goldens.own("mtp").resolve(name);
        try (MlxThread thread = MlxThread.start("mtp", Device.CPU)) {
            thread.run(() -> {
                ModelLoader.Loaded loaded =
                        ModelLoader.load(folder, ModelFolder.config(folder), DType.FLOAT32, false, null, true);
                try (Scope scope = Scope.open()) {
                    Map<String, MlxArray> golden = Safetensors.load(folder.resolve("golden.safetensors"));
                    DraftModel head = loaded.model().draftHead();
                    assertThat(head).as("the head of " + name).isNotNull();
                    List<LayerCache> layers = new ArrayList<>(loaded.model().newLayers());
                    List<LayerCache> own = head.newLayers();
                    layers.addAll(own);
                    try {
                        checkLogits(loaded, head, own, golden);
                        checkDrafts(loaded, head, golden);
                    } finally {
                        layers.forEach(LayerCache::close);
                    }
                } finally {
                    loaded.weights().close();
                }
            });
        }
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    /** The head itself: behind each token of the prompt, and behind what it says. */
    private static void checkLogits(
            ModelLoader.Loaded loaded, DraftModel head, List<LayerCache> own, Map<String, MlxArray> golden) {
        MlxArray prompt = golden.get("prompt");
        List<LayerCache> main = loaded.model().newLayers();
        try {
            MlxArray hidden = loaded.model().forward(prompt, main);
            int last = prompt.dim(1) - 1;
            MlxArray zero = Indexing.zeros(head.type(), 1, 1, head.hiddenSize());
            MlxArray before = Indexing.concatenate(1, zero, Indexing.slice(hidden, 1, 0, last));
            MlxArray state = head.forward(prompt, before, Spans.of(own, last + 1));
            assertClose(head.logits(state), golden.get("logits"), "the prompt");
            state = Indexing.slice(state, 1, last, last + 1);
            int[] chain = golden.get("chain").toInts();
            for (int i = 0; i < chain.length; i++) {
                state = head.forward(MlxArray.of(new int[] {chain[i]}, 1, 1), state, Spans.of(own, 1));
                assertClose(head.logits(state), Indexing.slice(golden.get("steps"), 0, i, i + 1), "drafted token " + i);
            }
        } finally {
            main.forEach(LayerCache::close);
        }
    }

    private static void assertClose(MlxArray got, MlxArray wanted, String where) {
        float[] a = got.toFloats();
        float[] b = wanted.toFloats();
        assertThat(a).as(where).hasSameSizeAs(b);
        float apart = 0;
        for (int i = 0; i < a.length; i++) {
            apart = Math.max(apart, Math.abs(a[i] - b[i]));
        }
        assertThat(apart).as(where).isLessThan(APART_MAX);
    }

    /** What the drafter makes of it, which feeds a prompt in two chunks and its last token by itself. */
    private static void checkDrafts(ModelLoader.Loaded loaded, DraftModel head, Map<String, MlxArray> golden) {
        int[] prompt = golden.get("prompt").toInts();
        int[] wanted = golden.get("chain").toInts();
        List<LayerCache> layers = new ArrayList<>(loaded.model().newLayers());
        int main = layers.size();
        layers.addAll(head.newLayers());
        try (ModelDrafter drafter = new ModelDrafter(
                head,
                (logits, ahead) -> Ops.argmax(logits, -1, false),
                loaded.model().vocabularySize(),
                layers,
                layers.size() - main)) {
            int from = 0;
            for (int end : new int[] {8, prompt.length - 1}) {
                int[] chunk = Arrays.copyOfRange(prompt, from, end);
                MlxArray hidden = loaded.model().forward(MlxArray.of(chunk, 1, chunk.length), layers);
                drafter.follow(chunk, hidden);
                from = end;
            }
            // The last token of the prompt stands for the one that was drawn behind the others.
            drafter.committed(prompt[from]);
            assertThat(drafter.propose(wanted.length).tokens()).isEqualTo(wanted);
            assertThat(drafter.computed()).isEqualTo(DraftKind.MTP);
            assertThat(drafter.propose(1)).as("nothing came since").isNull();

            // What was drafted is wrong: the next drafts are those of a sequence that never had it.
            int other = (wanted[0] + 1) % loaded.model().vocabularySize();
            MlxArray last = loaded.model().forward(MlxArray.of(new int[] {prompt[from]}, 1, 1), layers);
            drafter.fed(last);
            drafter.committed(other);
            assertThat(drafter.propose(2).tokens()).isEqualTo(anew(loaded, head, prompt, other));
        } finally {
            layers.forEach(LayerCache::close);
        }
    }

    private static int[] anew(ModelLoader.Loaded loaded, DraftModel head, int[] prompt, int token) {
        List<LayerCache> main = loaded.model().newLayers();
        List<LayerCache> own = head.newLayers();
        try {
            MlxArray hidden = loaded.model().forward(MlxArray.of(prompt, 1, prompt.length), main);
            int[] all = Arrays.copyOf(prompt, prompt.length + 1);
            all[prompt.length] = token;
            MlxArray zero = Indexing.zeros(head.type(), 1, 1, head.hiddenSize());
            MlxArray state = head.forward(
                    MlxArray.of(all, 1, all.length), Indexing.concatenate(1, zero, hidden), Spans.of(own, all.length));
            state = Indexing.slice(state, 1, prompt.length, prompt.length + 1);
            int first = Ops.argmax(head.logits(state), -1, false).item();
            state = head.forward(MlxArray.of(new int[] {first}, 1, 1), state, Spans.of(own, 1));
            return new int[] {first, Ops.argmax(head.logits(state), -1, false).item()};
        } finally {
            main.forEach(LayerCache::close);
            own.forEach(LayerCache::close);
        }
    }
}
