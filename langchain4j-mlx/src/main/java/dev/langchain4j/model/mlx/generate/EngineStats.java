package dev.langchain4j.model.mlx.generate;

/**
 * Numbers of requests.
 *
 * @param waiting those that wait for their turn
 * @param running those that run
 * @param finished those that came to their own end, so far
 * @param cancelled those that were cancelled, waiting or running
 * @param timedOut those whose time was over, waiting or running
 * @param refused those that found the queue full, or the process short of memory
 * @param failed those that failed for another reason
 */
public record EngineStats(
        int waiting, int running, long finished, long cancelled, long timedOut, long refused, long failed) {}
