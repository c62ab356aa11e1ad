//! The contract of the stores: test cases that every `dyn Store` has to pass.
//!
//! A test binary passes a function that opens an empty store, and gets the whole suite:
//!
//! ```ignore
//! mitsuke_store_testing::contract_tests!(open_empty_store);
//! ```
//!
//! Each case gets an empty store of its own. No case depends on a store's speed or on its inner workings.

#[expect(missing_docs, reason = "the name of a case is its specification")]
pub mod backfill;
#[expect(missing_docs, reason = "the name of a case is its specification")]
pub mod bulk;
pub mod collections;
#[expect(missing_docs, reason = "the name of a case is its specification")]
pub mod concurrency;
#[expect(missing_docs, reason = "the name of a case is its specification")]
pub mod facets;
#[expect(missing_docs, reason = "the name of a case is its specification")]
pub mod facts;
#[expect(missing_docs, reason = "the name of a case is its specification")]
pub mod filters;
pub mod fixtures;
#[expect(missing_docs, reason = "the name of a case is its specification")]
pub mod folding;
#[expect(missing_docs, reason = "the name of a case is its specification")]
pub mod hybrid;
#[expect(missing_docs, reason = "the name of a case is its specification")]
pub mod images;
#[expect(missing_docs, reason = "the name of a case is its specification")]
pub mod integrity;
#[expect(missing_docs, reason = "the name of a case is its specification")]
pub mod keywords;
#[expect(missing_docs, reason = "the name of a case is its specification")]
pub mod models;
#[expect(missing_docs, reason = "the name of a case is its specification")]
pub mod originals;
pub mod reference;
#[expect(missing_docs, reason = "the name of a case is its specification")]
pub mod sorting;
#[expect(missing_docs, reason = "the name of a case is its specification")]
pub mod tags;
#[expect(missing_docs, reason = "the name of a case is its specification")]
pub mod thumbnails;
#[expect(missing_docs, reason = "the name of a case is its specification")]
pub mod vectors;

/// Makes one `#[test]` for each case, on the stores that `$open` (a `fn() -> TestStore` beside the call) opens.
#[macro_export]
macro_rules! contract_tests {
    ($open:ident) => {
        $crate::contract_tests!(@cases $open;
            images: [
                a_new_image_is_kept_as_it_came,
                the_same_bytes_again_are_known_and_change_nothing,
                an_image_without_texts_has_none,
                an_embedding_that_does_not_fit_stores_nothing,
                an_unknown_model_stores_nothing,
                unknown_ids_are_answered_with_nothing,
                images_come_in_the_order_asked_for,
                short_texts_tell_which_are_longer,
                newest_first_by_date_then_id,
                cursors_walk_through_all_images_once,
                a_cursor_survives_what_happens_in_front_of_it,
                pages_by_offset_are_cut_from_the_same_order,
                a_patch_sets_clears_and_leaves_alone,
                a_deleted_image_is_gone_everywhere,
                ids_are_never_used_again,
                strange_texts_are_only_data,
                hashes_tell_which_images_are_known
            ],
            thumbnails: [
                a_thumbnail_is_kept_by_its_size,
                a_thumbnail_takes_the_place_of_one_of_the_same_size,
                thumbnails_go_with_their_image
            ],
            models: [
                the_first_model_becomes_current,
                registering_again_finds_the_same_model,
                a_known_model_keeps_its_dimension,
                coverage_counts_what_is_there,
                a_switch_asks_for_complete_coverage,
                a_partial_switch_is_made_when_asked_for,
                switching_back_and_forth_keeps_one_current,
                an_embedding_is_put_replaced_and_read,
                unknown_models_are_errors
            ],
            backfill: [
                images_without_an_embedding_are_listed_in_pages,
                embeddings_are_read_in_pages_by_image,
                a_failure_is_recorded_replaced_and_removed_by_an_embedding,
                one_backfill_runs_at_a_time,
                maintenance_is_switched_on_and_off_but_not_off_for_the_current_model,
                embeddings_of_an_unmaintained_model_are_stored_all_the_same,
                a_retired_model_loses_its_embeddings_and_may_come_back
            ],
            vectors: [
                the_nearest_come_first_with_their_distance,
                the_newest_of_equals_comes_first,
                an_excluded_image_is_left_out_and_replaced,
                pages_by_offset_make_the_whole_list,
                only_the_named_models_embeddings_are_compared,
                images_without_an_embedding_are_left_out,
                a_replaced_embedding_is_found_by_its_new_vector,
                a_filter_never_makes_the_answer_short,
                a_filter_and_an_exclusion_work_together,
                a_query_that_does_not_fit_is_an_error,
                an_empty_store_finds_nothing,
                several_images_can_be_left_out,
                an_exact_search_finds_the_nearest_of_all
            ],
            keywords: [
                one_character_is_found_inside_longer_text,
                two_and_more_characters_are_found_inside_longer_text,
                the_spelling_that_was_asked_for_comes_first,
                english_words_are_found_whole_and_in_any_case,
                every_term_is_required_wherever_it_stands,
                a_phrase_asks_for_words_in_order,
                scripts_mix_within_a_term,
                captions_prompts_and_file_names_are_searched,
                readable_prompts_are_searched_also_where_the_raw_one_escapes_them,
                what_a_program_wrote_around_a_prompt_is_no_hit,
                of_many_words_the_rarest_decide,
                a_pasted_prompt_of_any_length_is_answered,
                no_input_is_syntax,
                terms_without_a_letter_find_nothing_and_hinder_nothing,
                changed_texts_are_found_by_their_new_words_only,
                deleted_images_are_not_found,
                pages_are_stable_and_complete,
                better_matches_come_first,
                very_long_texts_are_taken,
                excluded_images_are_left_out_and_replaced,
                symbols_and_emoji_are_words
            ],
            folding: [
                each_spelling_finds_the_others_in_texts,
                each_spelling_finds_the_others_in_file_names,
                a_part_of_a_word_is_found_whatever_folds_around_it,
                the_long_mark_of_short_words_is_no_end,
                file_names_fold_with_their_filters
            ],
            hybrid: [
                both_legs_are_fused_by_rank,
                without_terms_the_vector_leg_stands_alone,
                a_leg_without_weight_takes_no_part,
                fused_pages_make_the_whole_list,
                filters_and_exclusions_hold_for_both_legs,
                a_least_similarity_holds_for_keyword_hits_too,
                fused_ties_go_to_the_newer_image,
                a_hybrid_question_that_does_not_fit_is_an_error
            ],
            filters: [
                each_filter_alone,
                filters_combine_with_and,
                filters_hold_for_every_kind_of_search,
                file_names_are_compared_literally,
                sizes_in_bytes_bound_what_is_found,
                fields_of_the_generation_are_compared_whole,
                a_file_name_pattern_is_about_the_whole_name,
                a_vector_search_filters_by_what_an_image_is_now
            ],
            sorting: [
                lists_in_every_order,
                generated_lists_in_every_order,
                cursors_of_every_order_survive_inserts_and_deletes,
                natural_order_of_names,
                random_order_is_the_seeds,
                totals_are_exact_up_to_the_bound
            ],
            facets: [
                facets_count_what_passes,
                facet_spelling_is_the_oldest,
                suggestions_of_tags_words_and_names,
                words_follow_changes_and_deletes
            ],
            bulk: [
                changes_of_many_report_each,
                many_are_changed_and_deleted_at_once,
                many_images_are_inserted_at_once,
                a_batch_tells_known_from_new,
                one_bad_image_of_a_batch_leaves_the_others,
                a_listed_tag_counts_as_found_and_a_missing_one_as_removed
            ],
            tags: [
                tags_are_kept_as_they_are_written_in_their_order,
                many_and_long_tags_are_kept_within_their_bounds,
                words_of_tags_are_found,
                a_filter_asks_for_all_or_any_of_some_tags,
                a_filter_by_a_common_tag_finds_every_page,
                images_of_an_older_reader_are_listed_and_counted,
                a_reading_replaces_what_was_found_in_the_file,
                a_reading_leaves_what_callers_have_set_cleared_and_removed,
                a_file_that_cannot_be_read_keeps_its_texts
            ],
            concurrency: [
                the_same_bytes_at_once_become_one_image,
                many_writers_and_readers_lose_nothing,
                a_model_that_two_register_at_once_is_one,
                of_many_that_claim_a_backfill_one_gets_it
            ]
        );
    };
    (@facts $open:ident) => {
        $crate::contract_tests!(@cases $open;
            facts: [
                facts_are_kept_and_patched,
                a_reading_brings_time_and_camera_unless_a_caller_has_set_the_time,
                tags_are_added_and_removed_one_by_one,
                taken_is_by_the_clock_of_the_camera,
                each_new_filter_alone,
                none_of_leaves_out,
                filters_agree_with_their_definition,
                terms_as_a_filter_hold_for_vectors_too,
                lists_by_the_time_of_taking_end_with_the_undated,
                ids_come_in_pages_of_ascending_order,
                facets_of_time_camera_and_folder
            ]
        );
    };
    // `$open` opens a store, and a function that changes the stored bytes of an image behind it.
    (@integrity $open:ident) => {
        $crate::contract_tests!(@damage $open;
            a_part_of_an_original_is_a_part_of_its_bytes,
            a_damaged_original_is_told_and_not_given_out,
            a_damaged_original_is_repaired_by_its_own_bytes_alone
        );
    };
    // `$open` opens a store with a folder of originals and a folder of files in place.
    (@originals $open:ident) => {
        mod originals {
            $crate::contract_tests!(@homes $open;
                originals_move_there_and_back_byte_for_byte,
                a_deleted_image_leaves_no_file,
                the_same_bytes_come_back_after_a_delete,
                a_linked_picture_is_read_where_it_lies,
                a_linked_picture_is_missing_changed_and_found_again,
                a_range_of_a_file_is_verified
            );
        }
    };
    (@homes $open:ident; $($case:ident),*) => {
        $(#[test]
        fn $case() {
            $crate::originals::$case(&super::$open());
        })*
    };
    (@damage $open:ident; $($case:ident),*) => {
        mod integrity {
            $(#[test]
            fn $case() {
                let (store, damage) = super::$open();
                $crate::integrity::$case(&*store, &damage);
            })*
        }
    };
    (@cases $open:ident; $($module:ident : [$($case:ident),*]),*) => {
        $(mod $module {
            $(#[test]
            fn $case() {
                $crate::$module::$case(&*super::$open());
            })*
        })*
    };
}
