package dev.langchain4j.model.mlx.samples;

import dev.langchain4j.model.mlx.samples.bench.Bench;

/**
 * What this library costs, beside mlx-lm on the same libmlx and beside Jlama, taking turns in one run. Prints the tables of
 * docs/benchmarks.md, each with its line of JSON. Makes the models and an environment of Python with mlx-lm when it is
 * first run. Options:
 *
 * <ul>
 *   <li>{@code --only host,decode,prefill,loop,cache,text,stream,elements,jlama,architectures}: some sections; also
 *       llamacpp, embeddings, batch, agents, fairness, restart, ahead, rounds, sampling, speculation, load,
 *       ring
 *   <li>{@code --models NAME,...}: some models of samples/bench/make_models.py; {@code --real FOLDER,...}: others, for batch,
 *       fairness and speculation
 *   <li>{@code --architectures NAME,...}: some architectures of samples/bench/make_architectures.py
 *   <li>{@code --rounds N}, {@code --contexts 0,2048}, {@code --prompts 512}, {@code --tokens 1000}, {@code --entries 10}
 *   <li>{@code --tokenizer FOLDER}: whose tokenizer and chat template the rounds of an agent have; without it the demo
 *       model's. For sampling several, FOLDER,FOLDER, each for the {@code --vocabularies 151936,262208} that is about as
 *       large; without one of that size the demo model's, made larger
 *   <li>{@code --python PYTHON}: one that has mlx-lm 0.32.2; {@code --folder FOLDER}: where models are kept
 *   <li>{@code --sentences 100}, {@code --segments 303}, {@code --texts 10000}, {@code --batch N}: of embeddings;
 *       {@code --record FILE} writes the ONNX model's vectors of some texts there instead
 *   <li>{@code --works calls,schema,chat,edit}: some of the work of speculation
 *   <li>{@code --template FILE}: a chat template of another model, for ahead
 *   <li>{@code --alone}: without mlx-lm; {@code --no-wheel}: without mlx-lm as its wheel comes
 *   <li>{@code --smoke}: a quick look that everything runs, on the demo model
 * </ul>
 */
public final class BenchSample {
    private static final String[] OPTIONS = {
        "only",
        "models",
        "architectures",
        "real",
        "rounds",
        "contexts",
        "prompts",
        "rows",
        "tokens",
        "entries",
        "sentences",
        "segments",
        "texts",
        "batch",
        "embedding-model",
        "record",
        "python",
        "folder",
        "template",
        "tokenizer",
        "vocabularies",
        "works",
        "alone",
        "no-wheel",
        "nodes",
        "smoke"
    };

    private BenchSample() {}

    /** Runs it. */
    public static void main(String[] args) throws Exception {
        Bench.run(Options.of(args, OPTIONS));
    }
}
