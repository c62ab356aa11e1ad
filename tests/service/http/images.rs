//! Registering, reading, changing and deleting images.

use std::time::{Duration, Instant};

use mitsuke_store::Sha256;
use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::json;

use crate::app::{Answer, file, spawn, spawn_in};
use crate::pictures::{encoded, jpeg, pixels, png, png_with_text};

on_both_stores! {
    an_uploaded_picture_is_there_with_all_its_facts,
    the_same_bytes_are_one_image,
    eight_uploads_of_the_same_bytes_at_once_are_one_image,
    several_files_get_an_item_each_in_their_order_and_a_bad_one_stops_none,
    the_type_is_found_in_the_bytes_whatever_the_name_says,
    every_supported_format_is_taken,
    a_caption_and_a_prompt_can_come_with_a_single_file,
    the_list_is_newest_first_and_pages_without_gaps,
    texts_can_be_set_and_cleared,
    a_deleted_image_is_gone_everywhere_and_its_id_stays_unused,
    content_is_cached_for_ever_and_served_safely,
    a_part_of_the_content_is_answered_so_that_a_download_can_be_resumed,
    a_picture_is_stored_under_its_name_however_the_name_is_encoded,
    a_thumbnail_is_small_and_keeps_the_shape,
    every_size_of_thumbnail_is_served_whatever_is_kept,
    a_large_jpeg_is_described_and_served_whole,
    all_pictures_are_compared_with_their_hashes_on_request,
    everything_is_there_after_a_restart,
    an_empty_store_is_filled_from_the_images_folder_once,
}

async fn all_pictures_are_compared_with_their_hashes_on_request() {
    let app = spawn();
    for seed in 1..4 {
        app.add("x.png", png(seed)).await;
    }
    let compared = |answer: &Answer| answer.json["checked_images"].as_u64().unwrap();
    let before = compared(&app.get("/check").await);
    assert_eq!(app.request(Method::POST, "/check").send().await.unwrap().status(), 202);
    let begun = Instant::now();
    while compared(&app.get("/check").await) < before + 3 {
        assert!(begun.elapsed() < Duration::from_secs(60), "{}", app.get("/check").await.json);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn an_uploaded_picture_is_there_with_all_its_facts() {
    let app = spawn();
    let bytes = png(1);
    let answer = app.upload("夕焼け.png", bytes.clone()).await;
    assert_eq!(answer.status, 201);
    assert_snapshot!("uploaded_image", answer.json);
    let image = &answer.json["images"][0]["image"];
    assert_eq!((&image["bytes"], &image["sha256"]), (&json!(bytes.len()), &json!(Sha256::of(&bytes).to_string())));
    assert!(image["upload_date"].as_str().unwrap().ends_with('Z'));
    let links = &image["links"];
    assert_eq!(answer.header("location"), links["self"].as_str().unwrap());

    let again = app.get(links["self"].as_str().unwrap()).await;
    assert_eq!((again.status, &again.json), (200, image));
    let content = app.get(links["content"].as_str().unwrap()).await;
    assert_eq!((content.status, content.bytes), (200, bytes));
    let page = json!({"images": [image], "total": {"count": 1, "exact": true}, "next_cursor": null});
    assert_eq!(app.get("/images").await.json, page);
}

async fn the_same_bytes_are_one_image() {
    let app = spawn();
    let first = app.add("a.png", png(1)).await;
    let again = app.upload("b.png", png(1)).await;
    assert_eq!((again.status, &again.json["images"][0]["status"]), (200, &json!("known")));
    assert_eq!(again.json["images"][0]["image"]["image_id"], first);
    assert_eq!(again.json["images"][0]["image"]["file_name"], "a.png");
    assert_eq!(app.get("/images").await.ids(), [first]);
}

async fn eight_uploads_of_the_same_bytes_at_once_are_one_image() {
    let app = spawn();
    let uploads = (0..8).map(|_| app.upload("race.png", png(7)));
    let answers: Vec<Answer> = futures_util::future::join_all(uploads).await;
    let created = answers.iter().filter(|answer| answer.status == 201).count();
    let known = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!((created, known), (1, 7));
    assert_eq!(app.get("/images").await.ids().len(), 1);
}

async fn several_files_get_an_item_each_in_their_order_and_a_bad_one_stops_none() {
    let app = spawn();
    let known = app.add("known.png", png(1)).await;
    let form = Form::new()
        .part("file", file("new.jpg", jpeg(2)))
        .part("file", file("notes.txt", b"not a picture".to_vec()))
        .part("file", file("again.png", png(1)))
        .part("file", file("cut.png", png(3)[..60].to_vec()));
    let answer = app.post_form("/images", form).await;
    assert_eq!(answer.status, 207);
    assert_snapshot!("upload_of_several_files", answer.json);
    let items = &answer.json["images"];
    assert_eq!(items[1]["problem"]["request_id"], answer.header("x-request-id"));
    assert_eq!(items[2]["image"]["image_id"], known);
    assert_eq!(app.get("/images").await.ids().len(), 2);
}

async fn the_type_is_found_in_the_bytes_whatever_the_name_says() {
    let app = spawn();
    let answer = app.upload("really-a-jpeg.png", jpeg(1)).await;
    assert_eq!(answer.json["images"][0]["image"]["file_type"], "image/jpeg");
}

async fn every_supported_format_is_taken() {
    use image::ImageFormat::{Bmp, Gif, Jpeg, Png, Tiff, WebP};
    let app = spawn();
    let formats = [
        (Jpeg, "image/jpeg"),
        (Png, "image/png"),
        (Gif, "image/gif"),
        (WebP, "image/webp"),
        (Bmp, "image/bmp"),
        (Tiff, "image/tiff"),
    ];
    for (format, file_type) in formats {
        let answer = app.upload("picture", encoded(&pixels(5, 40, 30), format)).await;
        assert_eq!(answer.status, 201, "{file_type}: {}", answer.json);
        assert_eq!(answer.json["images"][0]["image"]["file_type"], file_type);
    }
}

async fn a_caption_and_a_prompt_can_come_with_a_single_file() {
    let app = spawn();
    let form = Form::new()
        .part("file", file("a.png", png(1)))
        .text("caption", "港の夕焼け")
        .text("generation_prompt", "a harbour\nNegative prompt: people\nSteps: 20, Seed: 5");
    let image = &app.post_form("/images", form).await.json["images"][0]["image"];
    assert_snapshot!("caption_and_prompt_of_an_upload", image);

    let two =
        Form::new().part("file", file("b.png", png(2))).part("file", file("c.png", png(3))).text("caption", "どちら？");
    app.post_form("/images", two).await.assert_problem(400, "invalid_request");
    assert_eq!(app.get("/images").await.ids().len(), 1);
}

async fn the_list_is_newest_first_and_pages_without_gaps() {
    let app = spawn();
    let mut ids = Vec::new();
    for seed in 0..7 {
        ids.push(app.add("x.png", png(seed)).await);
    }
    ids.reverse();
    let mut seen = Vec::new();
    let mut path = "/images?limit=3".to_owned();
    loop {
        let page = app.get(&path).await;
        seen.extend(page.ids());
        let Some(cursor) = page.json["next_cursor"].as_str() else { break };
        path = format!("/images?limit=3&cursor={cursor}");
        // A picture that arrives meanwhile does not disturb the pages that follow.
        if seen.len() == 3 {
            app.add("late.png", png(99)).await;
        }
    }
    assert_eq!(seen, ids);
}

async fn texts_can_be_set_and_cleared() {
    let app = spawn();
    let id = app.add("a.png", png_with_text(1, &[("Title", "An old title")])).await;
    let path = format!("/images/{id}");
    assert_eq!(app.get(&path).await.json["caption"], "An old title");

    let set = app.send_json(Method::PATCH, &path, &json!({"caption": "猫とソファ"})).await;
    assert_eq!((set.status, &set.json["caption"]), (200, &json!("猫とソファ")));
    assert_eq!(app.search_text(json!({"query": "ソファ", "mode": "keyword"})).await.ids(), [id]);

    let prompt = json!({"generation_prompt": "a cat\nNegative prompt: dog\nSteps: 9, Sampler: Euler a, Seed: 3"});
    let with_prompt = app.send_json(Method::PATCH, &path, &prompt).await.json;
    // The caption, which the change leaves out, stays.
    assert_snapshot!("image_with_a_new_prompt", with_prompt);

    let cleared = app.send_json(Method::PATCH, &path, &json!({"caption": null, "generation_prompt": null})).await.json;
    for field in ["caption", "generation_prompt", "generation"] {
        assert!(cleared[field].is_null(), "{field}");
    }
    assert!(app.search_text(json!({"query": "ソファ", "mode": "keyword"})).await.ids().is_empty());
    app.send_json(Method::PATCH, "/images/999", &json!({"caption": "x"})).await.assert_problem(404, "image_not_found");
}

async fn a_deleted_image_is_gone_everywhere_and_its_id_stays_unused() {
    let app = spawn();
    let (kept, gone) = (app.add("a.png", png(1)).await, app.add("b.png", png(2)).await);
    app.get(&format!("/images/{gone}/thumbnail")).await;
    let path = format!("/images/{gone}");
    let deleted = app.request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(deleted.status(), 204);
    for path in [path.clone(), format!("{path}/content"), format!("{path}/thumbnail")] {
        app.get(&path).await.assert_problem(404, "image_not_found");
    }
    assert_eq!(app.search_text(json!({"query": "何か"})).await.ids(), [kept]);
    assert_eq!(app.get("/images").await.ids(), [kept]);
    let twice = Answer::read(app.request(Method::DELETE, &path).send().await.unwrap()).await;
    twice.assert_problem(404, "image_not_found");
    assert!(app.add("b.png", png(2)).await > gone);
}

async fn content_is_cached_for_ever_and_served_safely() {
    let app = spawn();
    let id = app.add("\"猫\".png", png(1)).await;
    let first = app.get(&format!("/images/{id}/content")).await;
    assert_eq!(first.header("content-type"), "image/png");
    assert_eq!(first.header("x-content-type-options"), "nosniff");
    assert!(first.header("cache-control").contains("immutable"));
    assert!(first.header("content-disposition").contains("filename*=UTF-8''%22%E7%8C%AB%22.png"));
    let etag = first.header("etag");
    let request = app.request(Method::GET, &format!("/images/{id}/content")).header("if-none-match", etag);
    let second = Answer::read(request.send().await.unwrap()).await;
    assert_eq!((second.status, second.bytes.len()), (304, 0));
}

async fn a_part_of_the_content_is_answered_so_that_a_download_can_be_resumed() {
    let app = spawn();
    let bytes = png(1);
    let path = format!("/images/{}/content", app.add("a.png", bytes.clone()).await);
    let ranged = async |range: &str, if_range: Option<&str>| {
        let request = app.request(Method::GET, &path).header("range", range);
        let request = if let Some(tag) = if_range { request.header("if-range", tag) } else { request };
        Answer::read(request.send().await.unwrap()).await
    };
    let whole = app.get(&path).await;
    assert_eq!((whole.status, whole.header("accept-ranges")), (200, "bytes"));
    let etag = whole.header("etag").to_owned();

    let first = ranged("bytes=0-9", None).await;
    assert_eq!((first.status, first.bytes.as_slice()), (206, &bytes[..10]));
    assert_eq!(first.header("content-range"), format!("bytes 0-9/{}", bytes.len()));
    assert_eq!((first.header("etag"), first.header("content-length")), (&*etag, "10"));
    let rest = ranged("bytes=10-", Some(&etag)).await;
    assert_eq!((rest.status, [first.bytes, rest.bytes].concat()), (206, bytes.clone()));

    let changed = ranged("bytes=10-", Some("\"another\"")).await;
    assert_eq!((changed.status, changed.bytes), (200, bytes.clone()));
    let outside = ranged(&format!("bytes={}-", bytes.len()), None).await;
    outside.assert_problem(416, "range_not_satisfiable");
    assert_eq!(outside.header("content-range"), format!("bytes */{}", bytes.len()));
}

async fn a_picture_is_stored_under_its_name_however_the_name_is_encoded() {
    let app = spawn();
    let names: [(&[u8], &str); 5] = [
        (b"filename=\"\x8c\xa2.png\"", "犬.png"),
        (b"filename=\"\xb8\xa4.png\"", "犬.png"),
        (b"filename=\"=?UTF-8?B?54qsLnBuZw==?=\"", "犬.png"),
        (b"filename*=UTF-8''%E7%8A%AC.png; filename=\"x.png\"", "犬.png"),
        (b"filename=\"C:\\pictures\\new\\dog.png\"", "dog.png"),
    ];
    for (seed, (parameter, expected)) in names.into_iter().enumerate() {
        let head =
            [b"--b\r\nContent-Disposition: form-data; name=\"file\"; ".as_slice(), parameter, b"\r\n\r\n"].concat();
        let body = [head.as_slice(), &png(u8::try_from(seed).unwrap().into()), b"\r\n--b--\r\n"].concat();
        let request = app.request(Method::POST, "/images").header("content-type", "multipart/form-data; boundary=b");
        let answer = Answer::read(request.body(body).send().await.unwrap()).await;
        assert_eq!(answer.status, 201, "{}", answer.json);
        let image = &answer.json["images"][0]["image"];
        assert_eq!(image["file_name"], expected, "{parameter:x?}");
        let content = app.get(image["links"]["content"].as_str().unwrap()).await;
        assert!(content.header("content-disposition").contains("filename*=UTF-8''"), "{expected}");
    }
}

async fn a_thumbnail_is_small_and_keeps_the_shape() {
    let app = spawn();
    let id = app.add("big.png", encoded(&pixels(1, 800, 400), image::ImageFormat::Png)).await;
    let answer = app.get(&format!("/images/{id}/thumbnail?size=128")).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "image/jpeg"));
    let thumbnail = image::load_from_memory(&answer.bytes).unwrap();
    assert_eq!((thumbnail.width(), thumbnail.height()), (128, 64));
    let small = app.add("small.png", png(2)).await;
    let kept = app.get(&format!("/images/{small}/thumbnail")).await;
    assert_eq!(image::load_from_memory(&kept.bytes).unwrap().width(), 48, "never enlarged");
    app.get(&format!("/images/{id}/thumbnail?size=77")).await.assert_problem(400, "invalid_request");
}

async fn every_size_of_thumbnail_is_served_whatever_is_kept() {
    let app = spawn();
    let large = app.add("large.png", encoded(&pixels(1, 1500, 750), image::ImageFormat::Png)).await;
    let medium = app.add("medium.png", encoded(&pixels(2, 300, 600), image::ImageFormat::Png)).await;
    let small = app.add("small.png", encoded(&pixels(3, 200, 100), image::ImageFormat::Png)).await;
    let app = spawn_in(app.stop(), &[]);
    for (id, sizes) in [
        (large, [(1024, 1024, 512), (512, 512, 256), (256, 256, 128), (128, 128, 64)]),
        (medium, [(1024, 300, 600), (512, 256, 512), (256, 128, 256), (128, 64, 128)]),
        (small, [(1024, 200, 100), (512, 200, 100), (256, 200, 100), (128, 128, 64)]),
    ] {
        for (size, width, height) in sizes {
            let answer = app.get(&format!("/images/{id}/thumbnail?size={size}")).await;
            let thumbnail = image::load_from_memory(&answer.bytes).unwrap();
            assert_eq!((thumbnail.width(), thumbnail.height()), (width, height), "image {id} at {size}");
        }
    }
}

async fn a_large_jpeg_is_described_and_served_whole() {
    let app = spawn();
    let bytes = encoded(&pixels(5, 2400, 1800), image::ImageFormat::Jpeg);
    let id = app.add("camera.jpg", bytes.clone()).await;
    let facts = app.get(&format!("/images/{id}")).await.json;
    assert_eq!((&facts["width"], &facts["height"]), (&json!(2400), &json!(1800)));
    assert_eq!(app.get(&format!("/images/{id}/content")).await.bytes, bytes);
    let thumbnail = app.get(&format!("/images/{id}/thumbnail?size=1024")).await;
    assert_eq!(image::load_from_memory(&thumbnail.bytes).unwrap().width(), 1024);
}

async fn everything_is_there_after_a_restart() {
    let app = spawn();
    let mut ids = Vec::new();
    for seed in 0..5 {
        ids.push(app.add("x.png", png(seed)).await);
    }
    app.request(Method::DELETE, &format!("/images/{}", ids[1])).send().await.unwrap();
    let query = json!({"image_id": ids[0], "limit": 10});
    let before = app.search_image(query.clone()).await.json["hits"].clone();
    let app = spawn_in(app.stop(), &[]);
    assert_eq!(app.search_image(query).await.json["hits"], before);
    assert_eq!(app.get("/images").await.ids(), [ids[4], ids[3], ids[2], ids[0]]);
    assert_eq!(app.get(&format!("/images/{}/content", ids[0])).await.bytes, png(0));
}

async fn an_empty_store_is_filled_from_the_images_folder_once() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("deeper")).unwrap();
    std::fs::write(folder.path().join("a.png"), png(1)).unwrap();
    std::fs::write(folder.path().join("deeper/b.JPG"), jpeg(2)).unwrap();
    std::fs::write(folder.path().join("broken.png"), b"no picture").unwrap();
    std::fs::write(folder.path().join("ATTRIBUTION.md"), b"text").unwrap();
    let images_dir = [("MITSUKE_IMAGES_DIR", folder.path().to_str().unwrap())];
    let app = crate::app::spawn_with(&images_dir);
    let ids = app.get("/images").await.ids();
    assert_eq!(ids.len(), 2);
    app.request(Method::DELETE, &format!("/images/{}", ids[0])).send().await.unwrap();
    let app = spawn_in(app.stop(), &images_dir);
    assert_eq!(app.get("/images").await.ids(), [ids[1]], "a store that is not empty is left alone");
}
