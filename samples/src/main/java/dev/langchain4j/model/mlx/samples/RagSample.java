package dev.langchain4j.model.mlx.samples;

import dev.langchain4j.data.document.Document;
import dev.langchain4j.data.document.Metadata;
import dev.langchain4j.data.document.splitter.DocumentSplitters;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.memory.chat.MessageWindowChatMemory;
import dev.langchain4j.model.embedding.onnx.allminilml6v2.AllMiniLmL6V2EmbeddingModel;
import dev.langchain4j.model.mlx.MlxChatModel;
import dev.langchain4j.model.mlx.MlxModel;
import dev.langchain4j.rag.content.Content;
import dev.langchain4j.rag.content.retriever.EmbeddingStoreContentRetriever;
import dev.langchain4j.service.AiServices;
import dev.langchain4j.service.Result;
import dev.langchain4j.store.embedding.EmbeddingStoreIngestor;
import dev.langchain4j.store.embedding.inmemory.InMemoryEmbeddingStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Questions about this repository's own documents, answered from retrieved segments, with their sources. The demo model
 * only knows the sentences of its travel guide, so it gets one short segment a question. Another model ({@code --model
 * FOLDER_OR_ID}) is asked about the docs, with several segments of a section each, and a follow-up question that reuses
 * the conversation's prefix.
 */
public final class RagSample {
    private static final int ANSWER_TOKENS_MAX = 400;
    /** Beginnings of sections in Markdown. */
    private static final Pattern HEADING = Pattern.compile("(?m)^(?=#{1,3} )");

    /** How a model is asked: the documents, what is retrieved of them, and the questions of the script. */
    private record Setup(
            List<String> documents, int segmentCharacters, int results, String system, List<String> script) {}

    private static final Setup DEMO = new Setup(
            List.of("README.md", "samples/demo-model/README.md", "samples/demo-model/guide.txt"),
            200,
            1,
            "You answer questions of travellers.",
            List.of(
                    "When does the museum of Lisbon open?",
                    "When does the library of Vienna close?",
                    "How much is a ticket for the ferry of Athens?",
                    "Where is the castle of Prague?"));
    private static final Setup OTHERS = new Setup(
            List.of("README.md", "docs"),
            1_000,
            3,
            "You answer questions about langchain4j-mlx from the given text, in a few sentences.",
            List.of(
                    "What does the prompt cache reuse in a tool loop?",
                    "And what does it reuse for a new conversation?",
                    "How can an agent start with the conversation of its parent?"));

    /** The AI service. */
    interface Guide {
        Result<String> answer(String question);
    }

    private RagSample() {}

    /** Ingests the documents and asks. */
    public static void main(String[] args) throws IOException {
        Options options = Options.of(
                "rag",
                "Questions about this repository's own documents, answered with their sources.",
                args,
                Options.withModel(
                        Options.text("question", "TEXT", "instead of the script"),
                        Options.number("results", 3, "segments that a question retrieves"),
                        Options.toggle("forget", "keeps retrieved text out of the memory")));
        // The tokenizer library of the embedding model would otherwise report its use over the network.
        System.setProperty("OPT_OUT_TRACKING", "true");
        AllMiniLmL6V2EmbeddingModel embeddings = new AllMiniLmL6V2EmbeddingModel();
        InMemoryEmbeddingStore<TextSegment> store = new InMemoryEmbeddingStore<>();
        Setup setup = options.has("model") ? OTHERS : DEMO;
        List<Document> documents = documents(setup);
        EmbeddingStoreIngestor.builder()
                .documentSplitter(DocumentSplitters.recursive(setup.segmentCharacters(), 0))
                .embeddingModel(embeddings)
                .embeddingStore(store)
                .build()
                .ingest(documents);
        System.out.println(documents.size() + " sections of this repository's documents are searchable\n");
        try (MlxModel mlx = options.loadModel()) {
            Guide guide = AiServices.builder(Guide.class)
                    .chatModel(MlxChatModel.builder()
                            .model(mlx)
                            .temperature(0.0)
                            .maxOutputTokens(ANSWER_TOKENS_MAX)
                            .listeners(new RoundPrinter(System.out::println))
                            .build())
                    .contentRetriever(EmbeddingStoreContentRetriever.builder()
                            .embeddingModel(embeddings)
                            .embeddingStore(store)
                            .maxResults(options.number("results", setup.results()))
                            .build())
                    .systemMessageProvider(id -> setup.system())
                    .chatMemory(MessageWindowChatMemory.withMaxMessages(40))
                    .storeRetrievedContentInChatMemory(!options.has("forget"))
                    .build();
            for (String question : options.has("question") ? List.of(options.text("question", "")) : setup.script()) {
                ask(guide, question);
            }
        }
    }

    private static void ask(Guide guide, String question) {
        System.out.println("you> " + question);
        Result<String> answer = guide.answer(question);
        System.out.println("guide> " + answer.content());
        for (Content source : answer.sources()) {
            TextSegment segment = source.textSegment();
            System.out.println(
                    "       from " + segment.metadata().getString("file") + ": " + beginning(segment.text()));
        }
        System.out.println();
    }

    private static String beginning(String text) {
        String line = text.replaceAll("\\s+", " ");
        return line.length() <= 80 ? line : line.substring(0, 79) + "…";
    }

    private static List<Document> documents(Setup setup) throws IOException {
        Path root = Path.of(System.getProperty("project.root", "."));
        List<Document> documents = new ArrayList<>();
        for (String place : setup.documents()) {
            try (Stream<Path> files = Files.walk(root.resolve(place))) {
                for (Path file : files.filter(f -> f.toString().matches(".*\\.(md|txt)"))
                        .sorted()
                        .toList()) {
                    String name = root.relativize(file).toString();
                    for (String section : HEADING.split(Files.readString(file))) {
                        if (!section.isBlank()) {
                            documents.add(Document.from(section.strip(), Metadata.from("file", name)));
                        }
                    }
                }
            }
        }
        return documents;
    }
}
