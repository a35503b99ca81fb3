//! Films to look at, as facts: when they were first shown and how long they run, with a rating of their audience.

use serde_json::{Value, json};

/// A film.
#[derive(Clone, Copy, Debug)]
pub(super) struct Film {
    pub(super) title: &'static str,
    pub(super) director: &'static str,
    /// The day it came out.
    pub(super) released: &'static str,
    /// How long it runs.
    pub(super) minutes: u16,
    /// In tenths.
    pub(super) rating: u8,
    /// The language it is shown in (BCP 47).
    pub(super) language: &'static str,
    pub(super) genres: &'static [&'static str],
}

impl Film {
    /// What POST /api/movies takes.
    pub(super) fn body(&self) -> Value {
        json!({
            "title": self.title,
            "director": self.director,
            "release_date": self.released,
            "runtime_minutes": self.minutes,
            "rating": f64::from(self.rating) / 10.0,
            "genres": self.genres,
        })
    }
}

macro_rules! films {
    ($($title:literal, $director:literal, $released:literal, $minutes:literal, $rating:literal, $language:literal,
       [$($genre:literal),+];)+) => {
        &[$(Film {
            title: $title,
            director: $director,
            released: $released,
            minutes: $minutes,
            rating: $rating,
            language: $language,
            genres: &[$($genre),+],
        }),+]
    };
}

/// All of them, those that are shown oldest first. Their places are part of what was seeded: a new one comes last.
#[rustfmt::skip]
pub(super) const FILMS: &[Film] = films! {
    "Sherlock Jr.", "Buster Keaton", "1924-04-21", 45, 82, "en", ["Comedy"];
    "Metropolis", "Fritz Lang", "1927-01-10", 153, 83, "de", ["Drama", "Science fiction"];
    "Sunrise: A Song of Two Humans", "F. W. Murnau", "1927-09-23", 94, 81, "en", ["Drama", "Romance"];
    "The Passion of Joan of Arc", "Carl Theodor Dreyer", "1928-04-21", 114, 81, "fr", ["Drama", "History"];
    "City Lights", "Charles Chaplin", "1931-01-30", 87, 85, "en", ["Comedy", "Romance"];
    "M", "Fritz Lang", "1931-05-11", 111, 83, "de", ["Crime", "Thriller"];
    "Modern Times", "Charles Chaplin", "1936-02-05", 87, 85, "en", ["Comedy"];
    "The Rules of the Game", "Jean Renoir", "1939-07-07", 110, 79, "fr", ["Comedy", "Drama"];
    "Citizen Kane", "Orson Welles", "1941-05-01", 119, 83, "en", ["Drama", "Mystery"];
    "Casablanca", "Michael Curtiz", "1942-11-26", 102, 85, "en", ["Drama", "Romance"];
    "Bicycle Thieves", "Vittorio De Sica", "1948-11-24", 89, 83, "it", ["Drama"];
    "The Third Man", "Carol Reed", "1949-09-01", 104, 81, "en", ["Mystery", "Thriller"];
    "Rashomon", "Akira Kurosawa", "1950-08-26", 88, 82, "ja", ["Crime", "Drama"];
    "Singin' in the Rain", "Stanley Donen, Gene Kelly", "1952-04-11", 103, 83, "en", ["Comedy", "Musical"];
    "Tokyo Story", "Yasujirō Ozu", "1953-11-03", 136, 81, "ja", ["Drama"];
    "Seven Samurai", "Akira Kurosawa", "1954-04-26", 207, 86, "ja", ["Action", "Drama"];
    "Rear Window", "Alfred Hitchcock", "1954-09-01", 112, 85, "en", ["Mystery", "Thriller"];
    "Pather Panchali", "Satyajit Ray", "1955-08-26", 125, 82, "bn", ["Drama"];
    "The Seventh Seal", "Ingmar Bergman", "1957-02-16", 96, 81, "sv", ["Drama", "Fantasy"];
    "12 Angry Men", "Sidney Lumet", "1957-04-10", 96, 90, "en", ["Crime", "Drama"];
    "Vertigo", "Alfred Hitchcock", "1958-05-09", 128, 82, "en", ["Mystery", "Thriller"];
    "Some Like It Hot", "Billy Wilder", "1959-03-29", 121, 82, "en", ["Comedy", "Romance"];
    "Breathless", "Jean-Luc Godard", "1960-03-16", 90, 77, "fr", ["Crime", "Drama"];
    "Cléo from 5 to 7", "Agnès Varda", "1962-04-11", 90, 79, "fr", ["Drama"];
    "8½", "Federico Fellini", "1963-02-14", 138, 80, "it", ["Drama", "Fantasy"];
    "Dr. Strangelove", "Stanley Kubrick", "1964-01-29", 94, 83, "en", ["Comedy", "War"];
    "Playtime", "Jacques Tati", "1967-12-16", 124, 78, "fr", ["Comedy"];
    "2001: A Space Odyssey", "Stanley Kubrick", "1968-04-03", 142, 83, "en", ["Adventure", "Science fiction"];
    "Once Upon a Time in the West", "Sergio Leone", "1968-12-21", 165, 85, "en", ["Western"];
    "The Godfather", "Francis Ford Coppola", "1972-03-24", 175, 92, "en", ["Crime", "Drama"];
    "Chinatown", "Roman Polanski", "1974-06-20", 131, 81, "en", ["Drama", "Mystery"];
    "Mirror", "Andrei Tarkovsky", "1975-03-07", 107, 79, "ru", ["Drama"];
    "Jeanne Dielman, 23, quai du Commerce, 1080 Bruxelles", "Chantal Akerman", "1975-05-14", 201, 75, "fr", ["Drama"];
    "Taxi Driver", "Martin Scorsese", "1976-02-08", 114, 82, "en", ["Crime", "Drama"];
    "Star Wars", "George Lucas", "1977-05-25", 121, 86, "en", ["Adventure", "Science fiction"];
    "Alien", "Ridley Scott", "1979-05-25", 117, 85, "en", ["Horror", "Science fiction"];
    "Stalker", "Andrei Tarkovsky", "1979-05-25", 161, 80, "ru", ["Drama", "Science fiction"];
    "Blade Runner", "Ridley Scott", "1982-06-25", 117, 81, "en", ["Drama", "Science fiction"];
    "Paris, Texas", "Wim Wenders", "1984-05-19", 147, 81, "en", ["Drama"];
    "My Neighbor Totoro", "Hayao Miyazaki", "1988-04-16", 86, 81, "ja", ["Animation", "Family"];
    "Do the Right Thing", "Spike Lee", "1989-06-30", 120, 80, "en", ["Comedy", "Drama"];
    "Chungking Express", "Wong Kar-wai", "1994-07-14", 102, 80, "yue", ["Drama", "Romance"];
    "Pulp Fiction", "Quentin Tarantino", "1994-10-14", 154, 89, "en", ["Crime", "Drama"];
    "Beau Travail", "Claire Denis", "1999-09-04", 93, 73, "fr", ["Drama"];
    "In the Mood for Love", "Wong Kar-wai", "2000-05-20", 98, 81, "yue", ["Drama", "Romance"];
    "Spirited Away", "Hayao Miyazaki", "2001-07-20", 125, 86, "ja", ["Animation", "Fantasy"];
    "A Separation", "Asghar Farhadi", "2011-02-15", 123, 83, "fa", ["Drama"];
    "Mad Max: Fury Road", "George Miller", "2015-05-14", 120, 81, "en", ["Action", "Science fiction"];
    "Parasite", "Bong Joon-ho", "2019-05-30", 132, 85, "ko", ["Drama", "Thriller"];
    "Portrait of a Lady on Fire", "Céline Sciamma", "2019-09-18", 121, 81, "fr", ["Drama", "Romance"];
    "Daisies", "Věra Chytilová", "1966-12-30", 76, 72, "cs", ["Comedy", "Drama"];
};
