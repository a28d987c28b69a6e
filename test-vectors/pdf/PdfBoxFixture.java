import org.apache.pdfbox.pdmodel.PDDocument;
import org.apache.pdfbox.pdmodel.PDPage;
import org.apache.pdfbox.pdmodel.PDPageContentStream;
import org.apache.pdfbox.pdmodel.common.PDRectangle;
import org.apache.pdfbox.pdmodel.font.PDType0Font;
import java.io.File;

/** One page with Azerbaijani text: FONT TITLE TEXT OUT. */
public class PdfBoxFixture {
    public static void main(String[] args) throws Exception {
        try (PDDocument document = new PDDocument()) {
            document.getDocumentInformation().setProducer("Apache PDFBox " + org.apache.pdfbox.util.Version.getVersion());
            document.getDocumentInformation().setTitle(args[1]);
            PDPage page = new PDPage(PDRectangle.A4);
            document.addPage(page);
            PDType0Font font = PDType0Font.load(document, new File(args[0]));
            try (PDPageContentStream content = new PDPageContentStream(document, page)) {
                content.beginText();
                content.setFont(font, 12);
                content.newLineAtOffset(60, 760);
                content.showText(args[1]);
                content.newLineAtOffset(0, -24);
                content.showText(args[2]);
                content.endText();
            }
            document.save(args[3]);
        }
    }
}
