package dev.langchain4j.model.mlx.samples;

import static dev.langchain4j.model.mlx.samples.Options.number;
import static dev.langchain4j.model.mlx.samples.Options.text;
import static dev.langchain4j.model.mlx.samples.Options.toggle;

import dev.langchain4j.model.mlx.samples.bench.Bench;
import picocli.CommandLine.Model.ArgSpec;

/**
 * What this library costs, beside mlx-lm on the same libmlx and beside Jlama, taking turns in one run. Prints the
 * tables of docs/benchmarks.md, each with its line of JSON. Makes the models and an environment of Python with mlx-lm
 * when it is first run.
 */
public final class BenchSample {
    private static final ArgSpec[] OPTIONS = {
        text("only", "NAME,...", "some sections: " + Bench.sections()),
        toggle("alone", "without mlx-lm"),
        toggle("no-wheel", "without the unmodified wheel of mlx-lm"),
        toggle("smoke", "a short check of every section on the demo model"),
        number("rounds", 1, "rounds of each measurement"),
        text("models", "NAME,...", "some models of samples/bench/make_models.py"),
        text("real", "FOLDER,...", "other models, for batch, fairness and speculation"),
        text("architectures", "NAME,...", "some architectures of samples/bench/make_architectures.py"),
        toggle("nodes", "the nodes of a graph by name"),
        text("contexts", "N,...", "lengths of the context"),
        text("prompts", "N,...", "lengths of the prompt"),
        text("rows", "N,...", "requests at once, for batch"),
        text("ranks", "N,...", "processes, for ring"),
        text("tokens", "N,...", "tokens of a sequence"),
        text("entries", "N,...", "entries of the cache"),
        text("works", "NAME,...", "some work of speculation: calls, schema, chat, edit, draft model"),
        text("pair", "FOLDER,FOLDER", "a model and its draft model, for speculation"),
        text("template", "FILE", "a chat template of another model, for ahead"),
        text("tokenizer", "FOLDER,...", "folders of tokenizers, for rounds and sampling; default: the demo model's"),
        text("vocabularies", "N,...", "sizes of vocabularies, for sampling"),
        text("embedding-model", "FOLDER", "a model, for embeddings"),
        text("sentences", "N", "sentences, for embeddings"),
        text("segments", "N", "segments, for embeddings"),
        text("texts", "N", "texts, for embeddings"),
        text("batch", "N", "texts at once, for embeddings"),
        text("record", "FILE", "writes the ONNX model's vectors there instead, for embeddings"),
        text("python", "PYTHON", "a Python that has mlx-lm"),
        text("folder", "FOLDER", "where models are kept")
    };

    private BenchSample() {}

    /** Runs it. */
    public static void main(String[] args) throws Exception {
        Bench.run(Options.of("bench", "What this library costs, beside mlx-lm and Jlama.", args, OPTIONS));
    }
}
