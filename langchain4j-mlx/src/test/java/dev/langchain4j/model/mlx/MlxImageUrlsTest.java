package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class MlxImageUrlsTest {

    @Test
    void byDefaultPrivateAddressesAreRefused() {
        assertThat(MlxImageUrls.defaults().rules().privateAddresses()).isFalse();
        assertThat(MlxImageUrls.builder()
                        .allowPrivateAddresses(true)
                        .build()
                        .rules()
                        .privateAddresses())
                .isTrue();
    }

    @Test
    void valuesOutOfTheirRangeAreRefused() {
        assertRefused(MlxImageUrls.builder().maxBytes(0), "maxBytes (0)");
        assertRefused(MlxImageUrls.builder().timeout(null), "timeout (null)");
        assertRefused(MlxImageUrls.builder().timeout(Duration.ofSeconds(-1)), "timeout (PT-1S)");
        assertRefused(MlxImageUrls.builder().timeout(Duration.ofNanos(1)), "timeout (PT0.000000001S)");
        assertRefused(MlxImageUrls.builder().maxRedirects(-1), "maxRedirects (-1)");
        assertRefused(MlxImageUrls.builder().maxRedirects(21), "maxRedirects (21)");
    }

    private static void assertRefused(MlxImageUrls.Builder builder, String named) {
        assertThatThrownBy(builder::build)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(named);
    }
}
