package dev.langchain4j.model.mlx.jinja.python;

/** A method of one of Python's types. */
public record Method(String name, Params params, Body body) {

    /** What a method does with its object and its arguments, which are {@link Values#MISSING} where not given. */
    public interface Body {
        Object apply(Render render, Object self, Object[] args);
    }

    /** What a method without a fixed list of parameters does. */
    public interface FreeBody {
        Object apply(Render render, Object self, Args args);
    }

    /** A method that takes any arguments: its body reads them itself. */
    public static Method free(String name, FreeBody body) {
        return new Method(name, null, (render, self, args) -> body.apply(render, self, (Args) args[0]));
    }

    public Object call(Render render, Object self, Args args) {
        return body.apply(render, self, params == null ? new Object[] {args} : params.bind(name, args));
    }

    /** A method together with its object, as a value. */
    public record Bound(Method method, Object self) implements PyObject.Callable {
        @Override
        public String type() {
            return "builtin_function_or_method";
        }

        @Override
        public Object call(Render render, Args args) {
            return method.call(render, self, args);
        }
    }
}
