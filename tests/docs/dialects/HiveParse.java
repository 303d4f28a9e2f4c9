// Parses a statement from standard input with Hive's own lexer and parser. Prints the tree, or the faults and exits with 1.
// It does by hand what Hive's ParseDriver does, which would load Hadoop.
package org.apache.hadoop.hive.ql.parse;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.antlr.runtime.ANTLRStringStream;
import org.antlr.runtime.CharStream;
import org.antlr.runtime.CommonTokenStream;
import org.antlr.runtime.RecognitionException;
import org.antlr.runtime.Token;
import org.antlr.runtime.tree.CommonTreeAdaptor;

public final class HiveParse {
    public static void main(String[] words) throws Exception {
        String sql = new String(System.in.readAllBytes(), StandardCharsets.UTF_8);
        List<String> faults = new ArrayList<>();
        HiveLexer lexer = new HiveLexer(new CaseInsensitive(sql)) {
            @Override
            public void displayRecognitionError(String[] names, RecognitionException error) {
                faults.add(getErrorHeader(error) + " " + getErrorMessage(error, names));
            }

            @Override
            protected boolean allowQuotedId() {
                return true;
            }
        };
        HiveParser parser = new HiveParser(new CommonTokenStream(lexer));
        parser.setTreeAdaptor(new CommonTreeAdaptor() {
            @Override
            public Object create(Token payload) {
                return new ASTNode(payload);
            }
        });
        ASTNode tree = null;
        try {
            tree = (ASTNode) parser.statement().getTree();
        } catch (RecognitionException error) {
            faults.add("line " + error.line + ":" + error.charPositionInLine + " " + error);
        }
        for (ParseError error : parser.errors) {
            faults.add(error.getMessage());
        }
        System.out.println(faults.isEmpty() ? tree.toStringTree() : String.join("\n", faults));
        System.exit(faults.isEmpty() ? 0 : 1);
    }

    private static final class CaseInsensitive extends ANTLRStringStream {
        CaseInsensitive(String text) {
            super(text);
        }

        @Override
        public int LA(int at) {
            int found = super.LA(at);
            return found == CharStream.EOF ? found : Character.toUpperCase(found);
        }
    }
}
