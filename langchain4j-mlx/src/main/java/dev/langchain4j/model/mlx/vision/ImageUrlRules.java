package dev.langchain4j.model.mlx.vision;

import java.time.Duration;

/**
 * What a picture behind an http or https URL may cost.
 *
 * @param bytesMax of the picture
 * @param timeout for everything together, redirects included
 * @param redirectsMax how often a server may point elsewhere
 * @param privateAddresses whether servers may have addresses that are not public
 */
public record ImageUrlRules(long bytesMax, Duration timeout, int redirectsMax, boolean privateAddresses) {}
