import com.github.tjake.jlama.model.AbstractModel;
import com.github.tjake.jlama.model.ModelSupport;
import com.github.tjake.jlama.model.functions.Generator;
import com.github.tjake.jlama.safetensors.DType;
import com.github.tjake.jlama.safetensors.prompt.PromptContext;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.Locale;
import java.util.UUID;

/**
 * Jlama's side of the benchmark, in single precision. For each line of input it generates once and prints a line of
 * JSON. Usage: JlamaBench MODEL_FOLDER PROMPT_TOKENS TOKENS
 */
public final class JlamaBench {
    private JlamaBench() {}

    /** Runs it. */
    public static void main(String[] args) throws IOException {
        int tokens = Integer.parseInt(args[2]);
        PromptContext prompt = PromptContext.of("import the other ".repeat(Integer.parseInt(args[1]) / 3));
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        try (AbstractModel model = ModelSupport.loadModel(new File(args[0]), DType.F32, DType.F32)) {
            int length = model.encodePrompt(prompt).length;
            while (lines.readLine() != null) {
                Generator.Response r = model.generate(UUID.randomUUID(), prompt, 0f, length + tokens, (s, t) -> {});
                System.out.printf(
                        Locale.ROOT,
                        "{\"promptTokens\": %d, \"promptMs\": %d, \"tokens\": %d, \"generateMs\": %d}%n",
                        r.promptTokens, r.promptTimeMs, r.generatedTokens, r.generateTimeMs);
                System.out.flush();
            }
        }
    }
}
