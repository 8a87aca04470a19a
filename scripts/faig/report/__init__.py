"""Tables and figures for people.

Statistics over images and seeds (`summaries`), CSV tables (`tables`), pages of text (`summary`),
and figures by topic, made of `panels` under the `looks` that all share (`figures` lists them).
"""
