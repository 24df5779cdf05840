package dev.langchain4j.model.mlx.ranks;

import dev.langchain4j.exception.InternalServerException;

/** A rank is gone, does not answer, or does something else than the others. The process has to be started again. */
public final class RankLostException extends InternalServerException {
    RankLostException(String message) {
        super(message + ". The ranks of this model cannot go on: start all of their processes again");
    }
}
