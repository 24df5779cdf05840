package dev.langchain4j.model.mlx.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.exception.InvalidRequestException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Both spellings of rope parameters say the same, and what is wanted otherwise goes where the folder has them. */
class RopeParametersTest {
    private static final String FULL = "full_attention";
    private static final String SLIDING = "sliding_attention";

    private static ModelConfig config(String json) {
        try {
            return new ModelConfig(new ObjectMapper().readTree(json.replace('\'', '"')), "config.json");
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException(e);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{'rope_theta': 3000, 'partial_rotary_factor': 0.5, 'rope_scaling': {'type': 'yarn', 'factor': 4}}",
                "{'rope_theta': 3000, 'partial_rotary_factor': 0.5, 'rope_scaling': {'rope_type': 'yarn', 'factor': 4}}",
                "{'rope_theta': 3000, 'rope_parameters': {'partial_rotary_factor': 0.5, 'type': 'yarn', 'factor': 4}}",
                "{'rope_theta': 7, 'partial_rotary_factor': 1, 'rope_parameters':"
                        + " {'rope_theta': 3000, 'partial_rotary_factor': 0.5, 'rope_type': 'yarn', 'factor': 4}}",
                "{'rope_parameters': {'rope_theta': 3000, 'partial_rotary_factor': 0.5, 'rope_type': 'default'},"
                        + " 'rope_scaling': {'type': 'yarn', 'factor': 4}}",
                "{'rope_parameters': {'rope_theta': 3000, 'partial_rotary_factor': 0.5, 'type': 'yarn', 'factor': 4,"
                        + " 'rope_type': null}, 'rope_scaling': null, 'rope_theta': null}",
                "{'rope_parameters': {'full_attention': {'rope_theta': 3000, 'partial_rotary_factor': 0.5,"
                        + " 'type': 'yarn', 'factor': 4}, 'sliding_attention': {'rope_theta': 3000,"
                        + " 'partial_rotary_factor': 0.5, 'type': 'yarn', 'factor': 4}, 'linear_attention': null}}",
            })
    void theFieldsOfBothSpellingsAreFound(String json) {
        RopeParameters p = RopeParameters.of(config(json));
        assertThat(p.theta(10_000)).isEqualTo(3000);
        assertThat(p.dims(64, 1)).isEqualTo(32);
        assertThat(p.type()).isEqualTo("yarn");
        assertThat(p.factor()).isEqualTo(4);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{'rope_theta': 3000, 'rope_scaling': {'rope_type': 'yarn', 'factor': 4}}",
                "{'rope_theta': 7, 'rope_parameters': {'rope_theta': 3000, 'rope_type': 'yarn', 'factor': 4}}",
                "{'rope_theta': 7, 'rope_parameters': {'sliding_attention': {'rope_theta': 3000,"
                        + " 'rope_type': 'default'}, 'full_attention': {'rope_theta': 5, 'rope_type': 'yarn'}}}",
            })
    void layersOfAWindowAreNotScaledWhereOnlyOthersAre(String json) {
        RopeParameters sliding = RopeParameters.ofLayer(config(json), SLIDING, 0, false);
        assertThat(sliding.theta(1)).isEqualTo(3000);
        assertThat(sliding.type()).isEqualTo("default");
        assertThat(RopeParameters.ofFull(config(json), FULL).type()).isEqualTo("yarn");
    }

    @Test
    void howManyDimensionsTurnMayBeANumber() {
        ModelConfig c = config("{'rotary_dim': 48, 'partial_rotary_factor': 0.5}");
        assertThat(RopeParameters.of(c).dims(64, 1)).isEqualTo(48);
        assertThatThrownBy(() -> RopeParameters.of(c).dims(32, 1))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("rotary_dim (48)");
    }

    @Test
    void factorsOfTheFirstTrainingComeWithTheirScale() {
        ModelConfig c = config("{'original_max_position_embeddings': 16, 'rope_scaling': {'type': 'longrope',"
                + " 'short_factor': [1], 'long_factor': [2], 'short_mscale': 1.1, 'long_mscale': 1.2}}");
        ModelConfig fields = RopeParameters.of(RopeParameters.fitted(c, 16)).fields();
        assertThat(fields.numbers("long_factor")).containsExactly(1);
        assertThat(fields.number("long_mscale")).isEqualTo(1.1);
        assertThat(RopeParameters.fitted(c, 17)).isSameAs(c);
    }

    @Test
    void layersOfAWindowHaveTheirOwn() {
        ModelConfig fields = config("{'rope_theta': 50000, 'rope_local_base_freq': 3000,"
                + " 'rope_scaling': {'rope_type': 'linear', 'factor': 8}}");
        ModelConfig nested = config("{'rope_parameters': {'sliding_attention': {'rope_theta': 3000},"
                + " 'full_attention': {'rope_theta': 50000, 'rope_type': 'linear', 'factor': 8}}}");
        for (ModelConfig c : new ModelConfig[] {fields, nested}) {
            RopeParameters full = RopeParameters.ofFull(c, FULL);
            assertThat(full.theta(1)).isEqualTo(50_000);
            assertThat(full.type()).isEqualTo("linear");
            RopeParameters sliding = RopeParameters.ofSliding(c, SLIDING);
            assertThat(sliding.theta(1)).isEqualTo(3000);
            assertThat(sliding.type()).isEqualTo("default");
        }
        assertThat(RopeParameters.ofSliding(config("{'rope_theta': 50000}"), SLIDING)
                        .theta(10_000))
                .isEqualTo(10_000);
    }

    @Test
    void differentLayersAreNoneOfAModelWhoseLayersAreAlike() {
        ModelConfig c = config(
                "{'rope_parameters': {'full_attention': {'rope_theta': 5}, 'sliding_attention': {'rope_theta': 6}}}");
        assertThatThrownBy(() -> RopeParameters.of(c))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("rope_parameters")
                .hasMessageContaining("same for all layers");
    }

    @Test
    void aFieldThatMustBeThereIsNamed() {
        RopeParameters p = RopeParameters.of(config("{'rope_parameters': {'rope_type': 'default'}}"));
        assertThatThrownBy(() -> p.theta(Double.NaN)).hasMessageContaining("config.json has no rope_theta");
        assertThatThrownBy(() -> p.dims(8, Double.NaN)).hasMessageContaining("no partial_rotary_factor");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{'max_position_embeddings': 4096} | 4096",
                "{} | 1000000",
                "{'text_config': {'max_position_embeddings': 4096}} | 4096",
                "{'max_position_embeddings': 262144, 'rope_parameters': {'rope_type': 'yarn', 'factor': 4,"
                        + " 'original_max_position_embeddings': 262144}} | 1000000",
                "{'max_position_embeddings': 4096, 'rope_scaling': {'type': 'yarn', 'factor': 4,"
                        + " 'original_max_position_embeddings': 2048}} | 8192",
                "{'max_position_embeddings': 4096, 'rope_scaling': {'type': 'yarn', 'factor': 4}} | 16384",
                "{'text_config': {'max_position_embeddings': 4096, 'rope_parameters': {'full_attention': {'type': 'yarn',"
                        + " 'factor': 4, 'original_max_position_embeddings': 4096}, 'sliding_attention': {}}}} | 16384",
                "{'max_position_embeddings': 131072, 'rope_scaling': {'rope_type': 'llama3', 'factor': 32,"
                        + " 'original_max_position_embeddings': 8192}} | 131072",
                "{'max_position_embeddings': 131072, 'rope_scaling': {'rope_type': 'linear', 'factor': 8}} | 131072",
            })
    void onlyYarnStretchesTheContextThatAConfigNames(String json, int tokens) {
        assertThat(RopeParameters.contextLength(config(json), 1_000_000)).isEqualTo(tokens);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{'max_position_embeddings': 4096, 'rope_theta': 3000, 'num_attention_heads': 2}",
                "{'max_position_embeddings': 4096, 'rope_theta': 3000, 'num_attention_heads': 2,"
                        + " 'rope_scaling': {'rope_type': 'default', 'mrope_section': [1, 2]}}",
                "{'max_position_embeddings': 4096, 'rope_parameters': {'rope_theta': 3000}, 'num_attention_heads': 2}",
                "{'max_position_embeddings': 16384, 'rope_scaling': {'type': 'yarn', 'factor': 2, 'attention_factor': 9,"
                        + " 'original_max_position_embeddings': 4096}, 'rope_theta': 3000, 'num_attention_heads': 2}",
                "{'text_config': {'max_position_embeddings': 4096, 'rope_parameters': {'sliding_attention':"
                        + " {'rope_theta': 7}, 'full_attention': {'rope_theta': 3000}}, 'num_attention_heads': 2}}",
            })
    void yarnThatSomebodyWantsIsPutInItsPlace(String json) {
        ModelConfig scaled = RopeParameters.scaled(config(json), "yarn", 4, null);
        ModelConfig text = scaled.has("text_config") ? scaled.section("text_config") : scaled;
        RopeParameters p = RopeParameters.ofFull(text, FULL);
        assertThat(p.type()).isEqualTo("yarn");
        assertThat(p.factor()).isEqualTo(4);
        assertThat(p.originalPositions()).isEqualTo(4096);
        assertThat(p.theta(1)).isEqualTo(3000);
        assertThat(p.fields().has("attention_factor")).isFalse();
        assertThat(RopeParameters.contextLength(scaled, 1 << 24)).isEqualTo(16_384);
        assertThat(RopeParameters.ofSliding(text, SLIDING).type()).isEqualTo("default");
    }

    @Test
    void linearScalingStretchesTheContextToo() {
        ModelConfig c = config("{'max_position_embeddings': 4096, 'num_attention_heads': 2}");
        ModelConfig scaled = RopeParameters.scaled(c, "linear", 2.5, null);
        assertThat(RopeParameters.of(scaled).type()).isEqualTo("linear");
        assertThat(RopeParameters.contextLength(scaled, 1 << 24)).isEqualTo(10_240);
        assertThat(RopeParameters.contextLength(RopeParameters.scaled(c, "linear", 2, 1024), 1 << 24))
                .isEqualTo(4096);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{'max_position_embeddings': 4096, 'num_heads': 2} | rotary positions",
                "{'num_attention_heads': 2} | original context",
                "{'max_position_embeddings': 4096, 'num_attention_heads': 2, 'rope_scaling': {'type': 'longrope'}} | longrope",
                "{'max_position_embeddings': 4096, 'num_attention_heads': 2, 'rope_parameters': {'rope_type': 'llama3',"
                        + " 'factor': 8}} | llama3",
                "{'max_position_embeddings': 4096, 'num_attention_heads': 2, 'rope_parameters': {'odd': {}}} | full_attention"
            })
    void whatCannotBeScaledIsRefused(String json, String reason) {
        assertThatThrownBy(() -> RopeParameters.scaled(config(json), "yarn", 4, null))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining(reason);
    }
}
