package dev.langchain4j.model.mlx.calls;

import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.Input;
import dev.langchain4j.model.mlx.parse.LenientJson;
import dev.langchain4j.model.mlx.parse.ToolSchemas;

/** Calls without a marker: JSON, or the name of a known tool and, behind it, an object of arguments (GLM-4). */
final class NamedJsonCalls extends CallReader {

    private CallReader json;
    private LenientJson value;
    private boolean any;

    NamedJsonCalls(CallEmitter calls, ToolSchemas tools) {
        super(calls, tools);
    }

    /** Whether the text so far ahead can be the name of a known tool with an object behind it. */
    static boolean mayStand(Input in, int at, ToolSchemas tools) {
        int end = nameEnd(in, at);
        String name = in.lookAhead(end).substring(at);
        if (end == in.available()) {
            return !in.ended() && tools.names().stream().anyMatch(tool -> tool.startsWith(name));
        }
        int behind = in.skipBlank(end);
        return tools.contains(name) && (behind == in.available() ? !in.ended() || in.cut() : in.ahead(behind) == '{');
    }

    @Override
    public boolean mayEnd() {
        return json != null ? json.mayEnd() : any && value == null;
    }

    @Override
    public boolean isCertain(Input in) {
        int end = nameEnd(in, 0);
        return json != null
                ? json.isCertain(in)
                : any || value != null || end < in.available() && tools.contains(in.lookAhead(end));
    }

    @Override
    public Step step(Input in) {
        if (json != null) {
            return step(json, in);
        }
        if (value != null) {
            return arguments(in);
        }
        in.skipWhitespace();
        if (in.empty()) {
            return Step.WAIT;
        }
        if (!any && (in.peek() == '{' || in.peek() == '[')) {
            json = new JsonCalls(calls, tools, JsonCalls.Block.BARE, "");
            return Step.AGAIN;
        }
        int length = nameEnd(in, 0);
        int object = in.skipBlank(length);
        if (object == in.available() && object <= NAME_MAX) {
            return Step.WAIT;
        }
        boolean call = object < in.available() && in.ahead(object) == '{' && tools.contains(in.lookAhead(length));
        if (!call) {
            return any ? Step.DONE : fail("no call");
        }
        value = new LenientJson(LenientJson.Dialect.LITERAL);
        return begin(in.take(length), null);
    }

    private Step arguments(Input in) {
        Step step = readArguments(value, in);
        if (step != Step.DONE) {
            return step;
        }
        value = null;
        any = true;
        return completeCall();
    }
}
