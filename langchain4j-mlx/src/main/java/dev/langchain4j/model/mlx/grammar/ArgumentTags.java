package dev.langchain4j.model.mlx.grammar;

/**
 * Tags around arguments that are written as text; {@code %s} is the name.
 *
 * @param call opens a call
 * @param parameter opens an argument; where it is a tag around the key, the value has tags of its own
 * @param parameterEnd closes a value
 * @param callEnd closes a call
 * @param wrapped whether a value stands on lines of its own
 * @param lines whether a line break may follow the tag that opens the block
 * @param severalInABlock whether a block has several calls
 * @param typed whether an argument says whether it is a string
 */
public record ArgumentTags(
        String call,
        String parameter,
        String parameterEnd,
        String callEnd,
        boolean wrapped,
        boolean lines,
        boolean severalInABlock,
        boolean typed) {

    /** What opens the value after a key in tags of its own; empty where the argument's tag does. */
    public String valueStart() {
        return parameter.contains("arg_key") ? parameterEnd.replace("</", "<") : "";
    }

    /** Whether line breaks around a value are taken for the notation's, though it writes none. */
    boolean dropsLineBreaks() {
        return !wrapped && parameter.startsWith("<parameter=");
    }

    /** What opens an argument, up to its value. */
    public String opening(String name, boolean string) {
        return parameter.formatted(name) + (typed ? " string=\"" + string + "\">" : "");
    }
}
