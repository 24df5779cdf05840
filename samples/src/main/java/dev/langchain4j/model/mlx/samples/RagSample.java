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
import dev.langchain4j.service.SystemMessage;
import dev.langchain4j.store.embedding.EmbeddingStoreIngestor;
import dev.langchain4j.store.embedding.inmemory.InMemoryEmbeddingStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * Questions about this repository's own documents, answered from the parts that fit, with their sources. Options:
 * {@code --question TEXT} instead of the script, {@code --model FOLDER_OR_ID} (the demo model only knows the sentences of its
 * travel guide; ask a larger one about the docs), {@code --results 1} parts for a question, {@code --forget} to keep
 * the retrieved text out of the memory.
 */
public final class RagSample {
    private static final List<String> DOCUMENTS =
            List.of("README.md", "docs", "samples/demo-model/README.md", "samples/demo-model/guide.txt");
    private static final int SEGMENT_CHARACTERS = 200;
    private static final int ANSWER_TOKENS_MAX = 400;
    private static final List<String> SCRIPT = List.of(
            "When does the museum of Lisbon open?",
            "When does the library of Vienna close?",
            "How much is a ticket for the ferry of Athens?",
            "Where is the castle of Prague?");

    /** The AI service. */
    interface Guide {
        @SystemMessage("You answer questions of travellers.")
        Result<String> answer(String question);
    }

    private RagSample() {}

    /** Ingests the documents and asks. */
    public static void main(String[] args) throws IOException {
        Options options = Options.of(args, "model", "cache", "prefixes", "question", "results", "forget");
        // The tokenizer library of the embedding model would otherwise report its use over the network.
        System.setProperty("OPT_OUT_TRACKING", "true");
        AllMiniLmL6V2EmbeddingModel embeddings = new AllMiniLmL6V2EmbeddingModel();
        InMemoryEmbeddingStore<TextSegment> store = new InMemoryEmbeddingStore<>();
        List<Document> documents = documents();
        EmbeddingStoreIngestor.builder()
                .documentSplitter(DocumentSplitters.recursive(SEGMENT_CHARACTERS, 0))
                .embeddingModel(embeddings)
                .embeddingStore(store)
                .build()
                .ingest(documents);
        System.out.println(documents.size() + " documents of this repository are searchable\n");
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
                            .maxResults(options.number("results", 1))
                            .build())
                    .chatMemory(MessageWindowChatMemory.withMaxMessages(40))
                    .storeRetrievedContentInChatMemory(!options.has("forget"))
                    .build();
            for (String question : options.has("question") ? List.of(options.text("question", "")) : SCRIPT) {
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

    private static List<Document> documents() throws IOException {
        Path root = Path.of(System.getProperty("project.root", "."));
        List<Document> documents = new ArrayList<>();
        for (String place : DOCUMENTS) {
            try (Stream<Path> files = Files.walk(root.resolve(place))) {
                for (Path file : files.filter(f -> f.toString().matches(".*\\.(md|txt)"))
                        .sorted()
                        .toList()) {
                    documents.add(Document.from(
                            Files.readString(file),
                            Metadata.from("file", root.relativize(file).toString())));
                }
            }
        }
        return documents;
    }
}
