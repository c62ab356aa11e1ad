//! The texts in XMP packets.

use std::fmt::Write as _;

use super::*;
use crate::fixtures::{iptc, photoshop, webp_with, xmp};

fn jpeg_with_xmp(packet: &[u8]) -> Vec<u8> {
    jpeg_with(&[(0xE1, &[b"http://ns.adobe.com/xap/1.0/\0", packet].concat())])
}

fn of_packet(packet: &[u8]) -> TextChunks {
    text_chunks(&jpeg_with_xmp(packet), FileType::Jpeg, &TextLimits::default())
}

fn found(properties: &str) -> TextChunks {
    of_packet(xmp(properties).as_bytes())
}

fn description(text: &str) -> String {
    xmp(&format!("<dc:description><rdf:Alt><rdf:li xml:lang=\"x-default\">{text}</rdf:li></rdf:Alt></dc:description>"))
}

#[test]
fn title_description_comment_and_keywords_are_read() {
    let found = found(
        "<dc:subject><rdf:Bag><rdf:li>sea</rdf:li><rdf:li> 港 </rdf:li></rdf:Bag></dc:subject>\
         <dc:title><rdf:Alt><rdf:li xml:lang=\"x-default\">灯台</rdf:li></rdf:Alt></dc:title>\
         <photoshop:Headline>Light</photoshop:Headline>\
         <exif:UserComment><rdf:Alt><rdf:li xml:lang=\"x-default\">low tide</rdf:li></rdf:Alt></exif:UserComment>\
         <lr:hierarchicalSubject><rdf:Bag><rdf:li>Places|Japan</rdf:li></rdf:Bag></lr:hierarchicalSubject>",
    );
    assert_eq!(
        pairs(&found),
        [
            ("dc:title", "灯台"),
            ("photoshop:Headline", "Light"),
            ("exif:UserComment", "low tide"),
            ("dc:subject", "sea"),
            ("dc:subject", "港"),
            ("lr:hierarchicalSubject", "Places|Japan"),
        ]
    );
}

#[test]
fn a_property_may_be_an_attribute_or_plain_text_under_any_prefix() {
    for properties in ["<dc:title>a quay</dc:title>", "<dc:title><![CDATA[a quay]]></dc:title>"] {
        assert_eq!(pairs(&found(properties)), [("dc:title", "a quay")]);
    }
    let packet = "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>\
        <rdf:Description xmlns:elements='http://purl.org/dc/elements/1.1/' elements:title='a &quot;quay&quot;'/></rdf:RDF>";
    assert_eq!(pairs(&of_packet(packet.as_bytes())), [("dc:title", "a \"quay\"")]);
}

#[test]
fn the_default_language_is_read_and_japanese_besides() {
    let text = |alternatives: &[(&str, &str)]| {
        let items = alternatives.iter().fold(String::new(), |mut items, (language, text)| {
            write!(items, "<rdf:li xml:lang=\"{language}\">{text}</rdf:li>").unwrap();
            items
        });
        let found = found(&format!("<dc:description><rdf:Alt>{items}</rdf:Alt></dc:description>"));
        found.chunks.into_iter().map(|chunk| chunk.text).collect::<Vec<_>>()
    };
    assert_eq!(text(&[("fr", "un quai"), ("x-default", "a quay"), ("ja", "岸壁")]), ["a quay", "岸壁"]);
    assert_eq!(text(&[("x-default", "岸壁"), ("ja", "岸壁")]), ["岸壁"]);
    assert_eq!(text(&[("fr", "un quai"), ("de", "ein Kai")]), ["un quai"]);
}

#[test]
fn entities_are_those_of_xml_alone() {
    let found = of_packet(description("a &amp; b &lt;c&gt; &#x6E2F;&#233; &unknown; d").as_bytes());
    assert_eq!(pairs(&found), [("dc:description", "a & b <c> 港é  d")]);
    let bomb = format!(
        "<!DOCTYPE x [<!ENTITY a \"{}\"><!ENTITY b \"&a;&a;&a;&a;\">]>{}",
        "x".repeat(1000),
        description("&b;&b;")
    );
    assert_eq!(pairs(&of_packet(bomb.as_bytes())), []);
}

#[test]
fn names_of_persons_and_places_are_not_read_even_as_keywords() {
    let found = found(
        "<dc:creator><rdf:Seq><rdf:li>Jane Doe</rdf:li></rdf:Seq></dc:creator>\
         <photoshop:City>Yokohama</photoshop:City>\
         <exif:GPSLatitude>35,27.0N</exif:GPSLatitude>\
         <Iptc4xmpExt:PersonInImage><rdf:Bag><rdf:li>John Roe</rdf:li></rdf:Bag></Iptc4xmpExt:PersonInImage>\
         <mwg-rs:Regions rdf:parseType=\"Resource\"><mwg-rs:RegionList><rdf:Bag><rdf:li>\
         <rdf:Description mwg-rs:Name=\"Jane Doe\" mwg-rs:Type=\"Face\"/></rdf:li></rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>\
         <dc:subject><rdf:Bag><rdf:li>Jane Doe</rdf:li><rdf:li>John Roe</rdf:li><rdf:li>Mary</rdf:li><rdf:li>sea</rdf:li></rdf:Bag></dc:subject>\
         <lr:hierarchicalSubject><rdf:Bag><rdf:li>People|Mary</rdf:li></rdf:Bag></lr:hierarchicalSubject>",
    );
    assert_eq!(pairs(&found), [("dc:subject", "sea")]);
}

#[test]
fn a_person_marked_in_xmp_is_left_out_of_the_keywords_of_every_place() {
    let packet =
        xmp("<Iptc4xmpExt:PersonInImage><rdf:Bag><rdf:li>Jane Doe</rdf:li></rdf:Bag></Iptc4xmpExt:PersonInImage>");
    let records = [b"Photoshop 3.0\0", photoshop(&iptc(&[(2, 25, b"jane doe"), (2, 25, b"sea")])).as_slice()].concat();
    let windows = exif(false, &[(0x9C9E, 1, &utf16("Jane Doe;sand;sky", false))], None);
    let file = jpeg_with(&[
        (0xE1, &[b"Exif\0\0", windows.as_slice()].concat()),
        (0xED, &records),
        (0xE1, &[b"http://ns.adobe.com/xap/1.0/\0", packet.as_bytes()].concat()),
    ]);
    let found = text_chunks(&file, FileType::Jpeg, &TextLimits::default());
    assert_eq!(pairs(&found), [("XPKeywords", "sand;sky"), ("Keyword", "sea")]);
}

#[test]
fn properties_of_parts_of_the_picture_are_not_those_of_the_picture() {
    let found = found(
        "<xmp:Pantry><rdf:Bag><rdf:li rdf:parseType=\"Resource\"><dc:title>a placed logo</dc:title></rdf:li></rdf:Bag></xmp:Pantry>\
         <dc:title>a quay</dc:title>",
    );
    assert_eq!(pairs(&found), [("dc:title", "a quay")]);
}

#[test]
fn the_most_telling_time_comes_first() {
    let found = found(
        "<xmp:CreateDate>2024-06-01T00:00:00</xmp:CreateDate>\
         <exif:DateTimeOriginal>2024-05-01T12:34:56+09:00</exif:DateTimeOriginal>",
    );
    assert_eq!(
        pairs(&found),
        [("exif:DateTimeOriginal", "2024-05-01T12:34:56+09:00"), ("xmp:CreateDate", "2024-06-01T00:00:00")]
    );
    assert!(found.chunks.iter().all(|chunk| chunk.source == TextSource::TakenAt));
}

#[test]
fn texts_of_image_generators_are_read_in_any_namespace() {
    let found = found("<sd:Parameters xmlns:sd=\"https://example.org/sd/\">a cat\nSteps: 20</sd:Parameters>");
    assert_eq!(pairs(&found), [("parameters", "a cat\nSteps: 20")]);
    assert_eq!(found.chunks[0].source, TextSource::XmpOther);
}

#[test]
fn a_packet_may_be_utf_16_and_damaged_at_its_end() {
    let packet = description("港の灯台");
    assert_eq!(pairs(&of_packet(&utf16(&packet, true))), [("dc:description", "港の灯台")]);
    assert_eq!(pairs(&of_packet(&utf16(&packet, false))), [("dc:description", "港の灯台")]);
    let end = packet.find("</dc:description>").unwrap();
    assert_eq!(pairs(&of_packet(&packet.as_bytes()[..end])), [("dc:description", "港の灯台")]);
}

#[test]
fn a_packet_is_found_in_every_format() {
    let packet = description("a quay");
    let packet = packet.as_bytes();
    let trailer: Vec<u8> = std::iter::once(1).chain((0..=255).rev()).chain([0]).collect();
    let gif = gif_with(&[b"\x21\xFF\x0BXMP DataXMP", packet, &trailer].concat());
    let text_packet = std::str::from_utf8(packet).unwrap();
    for (file_type, file) in [
        (FileType::Png, png_with(&[itxt("XML:com.adobe.xmp", text_packet, false)], &[])),
        (FileType::Png, png_with(&[], &[itxt("XML:com.adobe.xmp", text_packet, true)])),
        (FileType::WebP, webp_with(&[(b"XMP ", packet)])),
        (FileType::WebP, webp_with(&[(b"XMP\0", packet)])),
        (FileType::Tiff, exif(true, &[(700, 1, packet)], None)),
        (FileType::Gif, gif),
    ] {
        let found = text_chunks(&file, file_type, &TextLimits::default());
        assert_eq!(pairs(&found), [("dc:description", "a quay")], "{file_type}");
    }
}

#[test]
fn an_extended_packet_of_jpeg_is_joined_in_the_order_of_its_parts() {
    let packet = description("a quay");
    let (head, tail) = packet.as_bytes().split_at(100);
    let part = |offset: u32, part: &[u8]| {
        let sizes = [u32::try_from(packet.len()).unwrap(), offset].map(u32::to_be_bytes).concat();
        [b"http://ns.adobe.com/xmp/extension/\0".as_slice(), &[b'A'; 32], &sizes, part].concat()
    };
    let [first, second] = [part(0, head), part(100, tail)];
    let both = jpeg_with(&[(0xE1, &second), (0xE1, &first)]);
    let of = |file: &[u8]| text_chunks(file, FileType::Jpeg, &TextLimits::default());
    assert_eq!(pairs(&of(&both)), [("dc:description", "a quay")]);
    assert_eq!(pairs(&of(&jpeg_with(&[(0xE1, &second)]))), []);
}

#[test]
fn a_hostile_packet_costs_little() {
    let names: String =
        (0..200_000).map(|n| format!(" xmlns:a{n}='http://purl.org/dc/elements/1.1/' a{n}:title='x'")).collect();
    let many = xmp(&format!("<rdf:a{names}/>"));
    let deep = xmp(&"<dc:title>".repeat(200_000));
    let values = xmp(&"<dc:title>x</dc:title>".repeat(200_000));
    let start = std::time::Instant::now();
    for packet in [many, deep, values] {
        let file = png_with(&[itxt("XML:com.adobe.xmp", &packet, true)], &[]);
        let _ = text_chunks(&file, FileType::Png, &TextLimits::default());
    }
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}

proptest! {
    #[test]
    fn no_packet_panics(
        words in proptest::collection::vec(
            proptest::sample::select(vec![
                "<rdf:RDF>", "</rdf:RDF>", "<rdf:Description ", "dc:title='x'", ">", "/>", "</", "<dc:subject>", "<rdf:Bag>",
                "<rdf:li>", "</rdf:li>", "</dc:subject>", "<", "&", ";", "&#0;", "&#xFFFFFFF;", "&lt;", "<![CDATA[", "]]>",
                "<!--", "<?", "?>", "xml:lang=\"", "猫", "'", "\"", " ", "People|x",
            ]),
            0..40,
        ),
    ) {
        of_packet(words.concat().as_bytes());
        found(&words.concat());
    }
}
