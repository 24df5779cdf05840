package dev.langchain4j.model.mlx.samples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.ParameterException;

class OptionsTest {
    private static ArgSpec[] specs() {
        return Options.withModel(
                Options.number("loop", 20, "compares N rounds"), Options.toggle("interactive", "you ask"));
    }

    private static Options of(String... args) {
        return Options.of("agent", "An agent.", args, specs());
    }

    @Test
    void optionsHaveTheirValues() {
        Options given = of("--loop", "7", "--interactive", "--model", "folder");
        assertThat(given.number("loop", 3)).isEqualTo(7);
        assertThat(given.has("interactive")).isTrue();
        assertThat(given.model()).isEqualTo("folder");
        assertThat(given.has("cache")).isFalse();
        assertThat(given.text("cache", "none")).isEqualTo("none");
    }

    @Test
    void aNumberMayBeLeftOut() {
        assertThat(of("--loop", "--interactive").number("loop", 3)).isEqualTo(20);
        assertThat(of().number("loop", 3)).isEqualTo(3);
    }

    @Test
    void helpListsAllOptions() {
        CommandLine command = Options.command("agent", "An agent.", specs());
        assertThat(command.getUsageMessage())
                .contains(
                        "samples/run agent",
                        "An agent.",
                        "--model=FOLDER_OR_ID",
                        "--loop[=N]",
                        "--interactive",
                        "--help");
    }

    @Test
    void whatIsUnknownOrWrongIsRefused() {
        CommandLine command = Options.command("agent", "An agent.", specs());
        assertThatThrownBy(() -> command.parseArgs("--lop"))
                .isInstanceOf(ParameterException.class)
                .hasMessageContaining("--lop");
        assertThatThrownBy(() -> command.parseArgs("--loop", "many"))
                .isInstanceOf(ParameterException.class)
                .hasMessageContaining("'many' is not an int");
    }
}
