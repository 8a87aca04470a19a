"""Tables and figures for people.

Statistics over images and seeds (`summaries`), CSV tables (`tables`), pages of text (`summary`),
figures by topic, made of `panels` under the `looks` that all share (`figures` lists them), and the
`explorer`, a page to look up every filter.
"""
