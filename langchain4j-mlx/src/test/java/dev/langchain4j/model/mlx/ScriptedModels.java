package dev.langchain4j.model.mlx;

import static org.mockito.Mockito.doReturn;
import static org.mockito.Mockito.spy;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.mlx.arch.ModelLoader;
import dev.langchain4j.model.mlx.cache.CacheKey;
import dev.langchain4j.model.mlx.cache.CacheLimits;
import dev.langchain4j.model.mlx.cache.TrieCache;
import dev.langchain4j.model.mlx.generate.Engine;
import dev.langchain4j.model.mlx.generate.EngineLimits;
import dev.langchain4j.model.mlx.generate.FeatureCache;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.testing.DemoModel;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.function.Function;

/**
 * Chat models that know the answers: the demo model, whose logits are raised for the tokens of a script. Templates,
 * cache, constrained decoding, parsers and mapping are the real ones; only knowledge is put in. One request at a time.
 */
final class ScriptedModels implements AutoCloseable {
    private static final int END = 1;

    private final MlxModel demo;
    private final MlxModel scripted;
    private final MlxThread thread = MlxThread.start("scripted");
    private final ModelLoader.Loaded loaded;
    private final TrieCache cache;
    private final Script script;
    /** Null if the model does not see. */
    private final FeatureCache features;

    /** @param answers what a model that knows would write, tool calls in the demo model's wire format */
    ScriptedModels(Function<ChatRequest, String> answers) {
        this(MlxModel.builder().modelPath(DemoModel.folder()), DemoModel.folder(), END, answers);
    }

    /** As the other one, over another model, which may see. */
    ScriptedModels(MlxModel.Builder builder, Path folder, int end, Function<ChatRequest, String> answers) {
        demo = builder.build();
        loaded = thread.call(() -> ModelLoader.load(folder, DType.FLOAT32));
        script = new Script(loaded.model(), end, request -> demo.tokenizer().encode(answers.apply(request), false));
        cache = new TrieCache(CacheLimits.ofBytes(64 << 20), System::nanoTime);
        CacheKey key = CacheKey.of("scripted", "float32");
        // the script counts steps
        EngineLimits limits = MlxModel.builder().speculation(Speculation.OFF).engineLimits();
        Engine engine = new Engine(thread, script, demo.tokenizer(), cache, key, Set.of(end), 4096, 512, limits);
        features = loaded.tower() == null ? null : new FeatureCache(loaded.tower(), 1 << 20);
        engine.see(features);
        scripted = spy(demo);
        doReturn(engine).when(scripted).engine();
    }

    ChatModel blocking() {
        return new Blocking(MlxChatModel.builder().model(scripted).temperature(0.0), script);
    }

    StreamingChatModel streaming() {
        return new Streaming(MlxStreamingChatModel.builder().model(scripted).temperature(0.0), script);
    }

    @Override
    public void close() {
        thread.run(() -> {
            cache.close();
            if (features != null) {
                features.close();
            }
            loaded.weights().close();
        });
        thread.close();
        demo.close();
    }

    private static final class Script implements LanguageModel {
        private final LanguageModel model;
        private final int end;
        private final Function<ChatRequest, int[]> answers;
        private volatile int[] tokens = {};
        private volatile int said;

        Script(LanguageModel model, int end, Function<ChatRequest, int[]> answers) {
            this.model = model;
            this.end = end;
            this.answers = answers;
        }

        void begin(ChatRequest request) {
            tokens = answers.apply(request);
            said = 0;
        }

        @Override
        public MlxArray forward(MlxArray ids, Spans spans) {
            return model.forward(ids, spans);
        }

        @Override
        public MlxArray logits(MlxArray hidden) {
            float[] raised = new float[vocabularySize()];
            int place = said;
            raised[place < tokens.length ? tokens[place] : end] = 1000;
            said = place + 1;
            return Ops.add(model.logits(hidden), MlxArray.of(raised, 1, 1, raised.length));
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

    /** Not final: the suites spy on it. */
    static class Blocking extends MlxChatModel {
        private final Script script;

        Blocking(Builder builder, Script script) {
            super(builder);
            this.script = script;
        }

        @Override
        public ChatResponse doChat(ChatRequest request) {
            script.begin(request);
            return super.doChat(request);
        }
    }

    /** Not final: the suites spy on it. */
    static class Streaming extends MlxStreamingChatModel {
        private final Script script;

        Streaming(Builder builder, Script script) {
            super(builder);
            this.script = script;
        }

        @Override
        public void doChat(ChatRequest request, StreamingChatResponseHandler handler) {
            script.begin(request);
            super.doChat(request, handler);
        }
    }
}
