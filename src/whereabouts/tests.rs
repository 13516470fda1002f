//! Stage flows worked out by hand.

use super::*;

/// Customers by stage at each moment; 2 is not yet a customer.
fn whereabouts(of: &[&[u16]]) -> Whereabouts {
    let name = |text: &str| (text.to_owned(), text.to_uppercase());
    let mut stages = Division::new([name("a"), name("b")].into_iter());
    stages.of = of.iter().map(|places| places.to_vec()).collect();
    let moments = (0..of.len()).map(|month| Moment::from_day(30 * month as i64)).collect();
    Whereabouts { moments, segments: Division::new(std::iter::empty()), stages }
}

#[test]
fn stages_add_up_from_one_moment_to_the_next() {
    let flow = whereabouts(&[&[0, 0, 1, 2, 2], &[0, 1, 1, 0, 2], &[1, 1, 0, 0, 1]]).flow();
    let [a, b] = &flow.stages[..] else { panic!("{flow:?}") };
    assert_eq!((&a.customers, &a.entered, &a.left), (&vec![2, 2, 2], &vec![1, 1], &vec![1, 1]));
    assert_eq!((&b.customers, &b.entered, &b.left), (&vec![1, 2, 3], &vec![1, 2], &vec![0, 1]));
    assert_eq!(flow.moves, [[2, 2], [1, 2], [1, 1]], "rows: a, b, not yet");
    for stage in &flow.stages {
        for step in 0..2 {
            let end = stage.customers[step] + stage.entered[step] - stage.left[step];
            assert_eq!(end, stage.customers[step + 1], "{stage:?}");
        }
    }
}

#[test]
fn half_have_left_after_the_median_stay_and_those_still_there_count_while_seen() {
    // In stage a for two periods, for one, and for one with nobody knowing the end.
    let flow = whereabouts(&[&[1, 1, 1], &[0, 0, 1], &[0, 1, 0], &[1, 1, 0]]).flow();
    assert_eq!(flow.stages[0].median_periods, Some(2), "two thirds stay a period, nobody stays two");
    // The three who were in b from the first moment on do not count; the others have not left it.
    assert_eq!(flow.stages[1].median_periods, None);
}

#[test]
fn a_period_belongs_to_the_group_at_its_start() {
    let groups = whereabouts(&[&[0, 2], &[1, 0], &[1, 1]]).period_groups(By::Stage);
    assert_eq!(groups.names, ["a", "b", NOT_YET]);
    assert_eq!(groups.of_period, [[0, 2], [1, 0]]);
}
